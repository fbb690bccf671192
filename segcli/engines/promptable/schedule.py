"""Optimizer and learning-rate schedule from a recipe, with Paddle alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import paddle

from segcli.engine import Network
from segcli.errors import ConfigError, ConfigFault
from segcli.models.spec import Recipe

_OPTIMIZERS = ("AdamW", "Adam", "Momentum", "SGD")
_SCHEDULES = ("CosineAnnealingDecay", "PolynomialDecay", "constant")


def build_schedule(recipe: Recipe, *, learning_rate: float, warmup_steps: int, iterations: int) -> Any:
    """Linear warm-up, then the recipe's decay to the last iteration.

    Args:
        recipe: ``{"type": "CosineAnnealingDecay" | "PolynomialDecay" | "constant", ...}``.
        learning_rate: Rate after the warm-up.
        warmup_steps: Iterations of the warm-up.
        iterations: Iterations of the whole training.

    Raises:
        ConfigError: There is no such schedule, or it does not accept these arguments.
    """
    kind, options = _parts(recipe, _SCHEDULES, "Train.lr_scheduler")
    steps = max(iterations - warmup_steps, 1)
    lengths: dict[str, dict[str, Any]] = {
        "CosineAnnealingDecay": {"T_max": steps},
        "PolynomialDecay": {"decay_steps": steps, "power": 0.9, "end_lr": 0.0},
    }
    after: Any = learning_rate
    if kind != "constant":
        make = getattr(paddle.optimizer.lr, kind)
        after = _made(make, {"learning_rate": learning_rate, **lengths[kind], **options}, "Train.lr_scheduler")
    if not warmup_steps:
        return after
    return paddle.optimizer.lr.LinearWarmup(after, warmup_steps, 0.0, learning_rate)


def build_optimizer(recipe: Recipe, network: Network, schedule: Any) -> Any:
    """The optimizer over the parameters that are trained.

    Args:
        recipe: ``{"type": "AdamW", "weight_decay": 0.01, "clip_norm": 1.0, ...}``; `clip_norm` bounds the norm of all
            gradients together.
        network: Parameters with `stop_gradient` are left out.
        schedule: As `build_schedule` returns it.

    Raises:
        ConfigError: There is no such optimizer, or it does not accept these arguments.
    """
    kind, options = _parts(recipe, _OPTIMIZERS, "Train.optimizer")
    clip = options.pop("clip_norm", None)
    trained = [parameter for parameter in network.parameters() if not parameter.stop_gradient]
    given = {
        **options,
        "learning_rate": schedule,
        "parameters": trained,
        "grad_clip": None if clip is None else paddle.nn.ClipGradByGlobalNorm(clip),
    }
    return _made(getattr(paddle.optimizer, kind), given, "Train.optimizer")


def _parts(recipe: Recipe, known: tuple[str, ...], key: str) -> tuple[str, dict[str, Any]]:
    options = dict(recipe)
    kind = options.pop("type", None)
    if kind not in known:
        raise ConfigError([ConfigFault(f"{key}.type", f"is {kind!r}", f"one of {', '.join(known)}")])
    return str(kind), options


def _made(make: Any, options: Mapping[str, Any], key: str) -> Any:
    try:
        return make(**options)
    except (TypeError, ValueError, AssertionError) as fault:
        raise ConfigError([ConfigFault(key, f"cannot be built: {fault}")]) from fault
