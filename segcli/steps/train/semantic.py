"""What the plan of a semantic training begins with."""

from __future__ import annotations

from segcli.config.losses import OWN_LOSS
from segcli.config.recipe import with_recipe
from segcli.config.schema import Config
from segcli.data.fingerprint.labels import Fingerprint, fingerprint_of_masks
from segcli.data.formats.masks import open_seg_dataset
from segcli.plan.balance import focus_choices, loss_choices
from segcli.plan.choice import Choice
from segcli.plan.semantic import plan_semantic
from segcli.steps.train.plan_parts import PlanParts


def _fingerprint(config: Config) -> Fingerprint:
    return fingerprint_of_masks(open_seg_dataset(config.Global.dataset, config.Train.num_classes))


def _balance(config: Config, data: Fingerprint) -> list[Choice]:
    if OWN_LOSS in config.Global.model:
        return []
    settings = with_recipe(config).Train
    return [*loss_choices(data, settings.loss), *focus_choices(data, settings.crop_size)]


train_semantic = PlanParts(_fingerprint, plan_semantic, _balance, compares_batches=True)
