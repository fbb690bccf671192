"""Schedule and optimizer, built by PaddleDetection from a recipe."""

from __future__ import annotations

import copy
from typing import Any

from segcli.engine import Network
from segcli.engines.paddledet.importing import import_ppdet
from segcli.errors import ConfigError, ConfigFault
from segcli.models.spec import Recipe

MUON = "Muon"
"""Name of `segcli.engines.muon.Muon` in recipes."""


def build_schedule(
    recipe: Recipe, *, learning_rate: float, warmup_steps: int, epochs: int, recipe_epochs: int, iterations: int
) -> Any:
    """The learning-rate schedule over the whole training.

    Args:
        recipe: ``{"schedulers": [decay, warm-up]}`` in PaddleDetection's form.
        learning_rate: Rate after the warm-up.
        warmup_steps: Iterations of linear warm-up.
        epochs: Epochs of this training.
        recipe_epochs: Epochs for which the recipe's milestones are written; they are scaled to `epochs`.
        iterations: Iterations per epoch.
    """
    import_ppdet()
    from ppdet.optimizer import LearningRate

    schedulers = copy.deepcopy(list(recipe["schedulers"]))
    scale = epochs / recipe_epochs
    for scheduler in schedulers:
        if "milestones" in scheduler:
            scheduler["milestones"] = [max(round(epoch * scale), 1) for epoch in scheduler["milestones"]]
        if "max_epochs" in scheduler:
            scheduler["max_epochs"] = max(round(scheduler["max_epochs"] * scale), epochs)
        if scheduler["name"] == "LinearWarmup":
            scheduler["steps"] = _fitting_warmup(warmup_steps, schedulers, iterations)
    return LearningRate(base_lr=learning_rate, schedulers=schedulers)(iterations)


def _fitting_warmup(steps: int, schedulers: list[Any], iterations: int) -> int:
    """The warm-up, at most half of the time before the first decay: PaddleDetection needs its boundaries in order."""
    first = schedulers[0]
    epochs = first["milestones"][0] if "milestones" in first else first["max_epochs"]
    return max(min(steps, int(epochs) * iterations // 2), 1)


def build_optimizer(recipe: Recipe, network: Network, schedule: Any) -> Any:
    """The optimizer over the network's trainable parameters.

    Args:
        recipe: ``optimizer``, ``regularizer``, ``clip_grad_by_norm`` in PaddleDetection's form.
        network: The network.
        schedule: As `build_schedule` returns it.

    Raises:
        ConfigError: There is no such optimizer, or it does not take these values.
    """
    import_ppdet()
    from ppdet.optimizer import OptimizerBuilder

    values = copy.deepcopy(dict(recipe))
    try:
        if values["optimizer"]["type"] == MUON:
            return _muon(values, network, schedule)
        return OptimizerBuilder(**values)(schedule, network)
    except (KeyError, TypeError, AttributeError, ValueError, AssertionError) as fault:
        form = "{optimizer: {type: AdamW, weight_decay: 0.0001}, regularizer: false, clip_grad_by_norm: 1.0}"
        message = f"PaddleDetection cannot build it: {fault}; its form is {form}"
        raise ConfigError([ConfigFault("Train.optimizer", message)]) from fault


def _muon(recipe: dict[str, Any], network: Network, schedule: Any) -> Any:
    """The optimizer that Paddle lacks; a `regularizer` has no meaning for it, as for AdamW."""
    from paddle.nn import ClipGradByGlobalNorm, ClipGradByValue

    from segcli.engines.muon import Muon

    norm, bound = recipe.get("clip_grad_by_norm"), recipe.get("clip_grad_by_value")
    clip = (
        ClipGradByGlobalNorm(norm) if norm is not None else ClipGradByValue(abs(bound)) if bound is not None else None
    )
    options = {name: value for name, value in recipe["optimizer"].items() if name != "type"}
    parameters = [parameter for parameter in network.parameters() if parameter.trainable]
    return Muon(schedule, parameters=parameters, grad_clip=clip, **options)
