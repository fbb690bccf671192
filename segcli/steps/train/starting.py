"""Initial weights for ``auto``: official ones if they are available, else random ones."""

from __future__ import annotations

from segcli.config.recipe import AUTO
from segcli.config.schema import PLANNER, Config
from segcli.errors import WeightsError
from segcli.models.spec import ModelSpec
from segcli.models.table import get_spec
from segcli.weights.official import resolve_weights

_KEY = "Train.pretrain_weight_path"
_PURPOSES = ("pretrained", "backbone")
"""Kinds of official weights: those of the whole network before those of its backbone."""


def with_start(config: Config) -> Config:
    """The configuration with a weight file, or none, in place of ``auto``; adds the reason to the plan's reasons."""
    if config.Train.pretrain_weight_path != AUTO:
        return config
    path, reason = official_start(get_spec(config.Global.model))
    reasons = {**(config.Train.plan_reasons or {}), _KEY: reason}
    return config.replaced({_KEY: path, "Train.plan_reasons": reasons}, PLANNER)


def official_start(spec: ModelSpec) -> tuple[str | None, str]:
    """Path of the official weights, from the cache or downloaded in one attempt, or None; and the reason."""
    purpose = next((purpose for purpose in _PURPOSES if purpose in spec.weights), None)
    if purpose is None:
        return None, f"{spec.name} has no official weights: training starts from random ones"
    try:
        return str(resolve_weights(purpose, spec)), f"{purpose} weights of PaddleX"
    except WeightsError as fault:
        return None, (
            f"the official weights are not available ({fault.message}): training starts from random ones, which lowers "
            f"the score much on small datasets; set {_KEY}=FILE to use local weights"
        )
