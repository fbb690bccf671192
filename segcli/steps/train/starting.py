"""With which weights a training begins where nobody says: official ones where they can be had, else random ones."""

from __future__ import annotations

from segcli.config.recipe import AUTO
from segcli.config.schema import PLANNER, Config
from segcli.errors import WeightsError
from segcli.models.spec import ModelSpec
from segcli.models.table import get_spec
from segcli.weights.official import resolve_weights

_KEY = "Train.pretrain_weight_path"
_PURPOSES = ("pretrained", "backbone")
"""Official weights, the whole network's before those of its backbone."""


def with_start(config: Config) -> Config:
    """The configuration with a weight file, or none, in place of ``auto``; why is kept with the plan's reasons."""
    if config.Train.pretrain_weight_path != AUTO:
        return config
    path, reason = official_start(get_spec(config.Global.model))
    reasons = {**(config.Train.plan_reasons or {}), _KEY: reason}
    return config.replaced({_KEY: path, "Train.plan_reasons": reasons}, PLANNER)


def official_start(spec: ModelSpec) -> tuple[str | None, str]:
    """The official weights of a model, from the cache or after one attempt at their URL, and a sentence on them."""
    purpose = next((purpose for purpose in _PURPOSES if purpose in spec.weights), None)
    if purpose is None:
        return None, f"{spec.name} has no official weights: it begins with random ones"
    try:
        return str(resolve_weights(purpose, spec)), f"{purpose} weights of PaddleX"
    except WeightsError as fault:
        return None, (
            f"the official weights cannot be had ({fault.message}): it begins with random ones, which from few images "
            f"costs much of the score; {_KEY}=FILE takes weights that are at hand"
        )
