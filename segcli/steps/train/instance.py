"""What the plan of an instance training begins with."""

from __future__ import annotations

from segcli.config.schema import Config
from segcli.data.fingerprint.labels import Fingerprint, fingerprint_of_objects
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.plan.instance import plan_instance
from segcli.steps.train.plan_parts import PlanParts


def _fingerprint(config: Config) -> Fingerprint:
    return fingerprint_of_objects(open_instance_dataset(config.Global.dataset))


train_instance = PlanParts(_fingerprint, plan_instance, lambda _config, _data: [], compares_batches=False)
