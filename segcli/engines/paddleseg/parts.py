"""Builds the parts of a model's recipe with PaddleSeg's builder: transforms, losses, schedule, optimizer."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from segcli.engine import Network
from segcli.engines.paddleseg.patches import apply_patches
from segcli.errors import ConfigError, ConfigFault
from segcli.models.spec import Recipe

_NEEDS_CLASSES = ("MaskFormerLoss", "GenerateInstanceTargets")
_COUNTS_CLASSES = "MultiClassFocalLoss"
"""Its argument is called `num_class`, not `num_classes`."""


def _builder(config: SimpleNamespace | None = None) -> Any:
    apply_patches()
    from paddleseg.cvlibs import SegBuilder

    from segcli.engines.paddleseg.losses import register_losses
    from segcli.engines.paddleseg.optimizers import register_optimizers

    register_losses()
    register_optimizers()

    return SegBuilder(config)


def _build(key: str, recipe: Recipe) -> Any:
    try:
        return _builder().build_component(dict(copy.deepcopy(dict(recipe))))
    except RuntimeError as fault:
        raise ConfigError([ConfigFault(key, f"PaddleSeg cannot build {recipe.get('type')}: {fault}")]) from fault


def build_transforms(
    recipes: Sequence[Recipe], *, num_classes: int, crop_size: tuple[int, int] | None = None
) -> list[Any]:
    """The transforms, in order.

    Args:
        recipes: PaddleSeg's names and arguments.
        num_classes: Passed to the transforms that need it.
        crop_size: Width and height that replace those of every cropping transform.
    """
    return [_build("Train.transforms", _complete_transform(recipe, num_classes, crop_size)) for recipe in recipes]


def _complete_transform(recipe: Recipe, num_classes: int, crop_size: tuple[int, int] | None) -> Recipe:
    if crop_size is not None and _takes(recipe, "crop_size"):
        return {**recipe, "crop_size": list(crop_size)}
    if recipe["type"] in _NEEDS_CLASSES:
        return {"num_classes": num_classes, **recipe}
    return recipe


def _takes(recipe: Recipe, argument: str) -> bool:
    """Whether the class that a recipe names accepts an argument, set in the recipe or not."""
    try:
        named = _builder().load_component_class(recipe["type"])
    except RuntimeError:  # there is no such part; building it says so
        return False
    return argument in inspect.signature(named).parameters


def build_losses(
    recipe: Recipe, *, num_classes: int, ignore_index: int, class_weights: Sequence[float] | None
) -> dict[str, list[Any]]:
    """The losses and their coefficients as PaddleSeg's `loss_computation` takes them.

    Args:
        recipe: ``{"types": [...], "coef": [...]}``.
        num_classes: Passed to the losses that need it.
        ignore_index: Mask id of the pixels that are ignored.
        class_weights: One weight per class, for the cross entropies; None for none.
    """
    types = [_complete_loss(dict(loss), num_classes, ignore_index, class_weights) for loss in recipe["types"]]
    if class_weights is not None and not any("weight" in part for loss in types for part in (loss, *_inner(loss))):
        reason = "are set, but no loss here takes weights"
        raise ConfigError(
            [ConfigFault("Train.class_weights", reason, "add ce to Train.loss, or leave the weights out")]
        )
    return {"types": [_build("Train.loss", loss) for loss in types], "coef": list(recipe["coef"])}


def _inner(loss: Recipe) -> Sequence[Recipe]:
    """The parts of a sum of losses."""
    return loss["losses"] if loss["type"] == "MixedLoss" else ()


def _complete_loss(
    loss: dict[str, Any], num_classes: int, ignore_index: int, class_weights: Sequence[float] | None
) -> dict[str, Any]:
    if loss["type"] in _NEEDS_CLASSES:
        return {"num_classes": num_classes, "ignore_index": ignore_index, **loss}
    if loss["type"] == "MixedLoss":
        parts = [_complete_loss(dict(part), num_classes, ignore_index, class_weights) for part in loss["losses"]]
        return {**loss, "losses": parts}
    if loss["type"] == _COUNTS_CLASSES:
        return {"num_class": num_classes, "ignore_index": ignore_index, **loss}
    weighted = class_weights is not None and "CrossEntropy" in loss["type"] and _takes(loss, "weight")
    return {"ignore_index": ignore_index, **({"weight": list(class_weights or ())} if weighted else {}), **loss}


def build_schedule(recipe: Recipe, *, learning_rate: float, warmup_steps: int, iterations: int) -> Any:
    """The learning-rate schedule: linear warm-up, then the recipe's decay, over all iterations."""
    values: dict[str, Any] = {**copy.deepcopy(dict(recipe)), "learning_rate": learning_rate}
    if warmup_steps:
        values["warmup_iters"] = warmup_steps
        values.setdefault("warmup_start_lr", learning_rate * 1e-3)
    else:
        values.pop("warmup_start_lr", None)
    try:
        return _builder(SimpleNamespace(lr_scheduler_cfg=values, iters=iterations)).lr_scheduler
    except RuntimeError as fault:
        raise ConfigError([ConfigFault("Train.lr_scheduler", str(fault))]) from fault


def build_optimizer(recipe: Recipe, network: Network, schedule: Any) -> Any:
    """The optimizer over the network's parameters, with the recipe's learning rates and weight decays per group.

    Raises:
        ConfigError: There is no such optimizer, or it does not take these values.
    """
    values = dict(recipe)
    if values.get("type") == "SGD" and "momentum" in values:
        values["type"] = "Momentum"
    try:
        return _build("Train.optimizer", values)(network, schedule)
    except (TypeError, ValueError, AssertionError) as fault:
        message = f"PaddleSeg cannot build {values.get('type')}: {fault}"
        raise ConfigError([ConfigFault("Train.optimizer", message)]) from fault


def compute_losses(
    network: Network, forward: Network, data: Mapping[str, Any], losses: dict[str, list[Any]]
) -> list[Any]:
    """Forward pass and the weighted loss of each output, by PaddleSeg's own `loss_computation`.

    Args:
        network: The network, which may have its own `loss_computation`.
        forward: The callable to run: the network or its data-parallel wrapper.
        data: ``img`` [N, channels, H, W], ``label`` [N, H, W], optionally ``edge`` [N, H, W].
        losses: As `build_losses` returns them.
    """
    import importlib

    outputs = forward(data["img"])
    if hasattr(network, "loss_computation"):
        return list(network.loss_computation(outputs, losses, data))
    edges = data["edge"].astype("int64") if "edge" in data else None
    rule = importlib.import_module("paddleseg.core.train").loss_computation
    return list(rule(outputs, data["label"].astype("int64"), edges, losses))
