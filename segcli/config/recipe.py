"""The values of a model's recipe where a configuration does not set them, so that the values used are also shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from segcli.config.keys import meanings
from segcli.config.losses import loss_recipe
from segcli.config.schema import DEFAULT, RECIPE, Config, TrainConfig
from segcli.config.tree import value_at
from segcli.errors import UsageError
from segcli.models.instance.table import SIZED
from segcli.models.spec import ModelSpec, Recipe, TrainRecipe
from segcli.models.table import MODELS

WARMUP_SHARE = 10
"""The warm-up of a recipe takes at most 1 / `WARMUP_SHARE` of the training."""
DEPENDENCIES = (
    "Global.model",
    "Train.crop_size",
    "Train.epochs_iters",
    "Train.input_size",
    "Train.pretrain_weight_path",
    "Train.transforms",
)
"""Keys on which recipes depend: recipe values stored in a file are recomputed when one of these keys changes."""
AUTO = "auto"
_REPLACEABLE = (
    "learning_rate",
    "warmup_steps",
    "optimizer",
    "lr_scheduler",
    "loss",
    "transforms",
    "batch_transforms",
)


def with_recipe(config: Config) -> Config:
    """The configuration with the model's recipe for values that neither the user nor a plan has chosen."""
    spec = MODELS.get(config.Global.model)
    if spec is None or spec.recipe is None:
        return config
    plain = config.model_dump()
    missing = {key: value for key, value in _values(spec, config).items() if value_at(plain, key) is None}
    return config.replaced(missing, {key: _origin(spec, key, config) for key in missing}) if missing else config


def without_recipe(config: Config) -> Config:
    """The configuration with all recipe values unset again, for the plan, which chooses before the recipe."""
    filled = [key for key, origin in config.origins.items() if origin.startswith(RECIPE)]
    return config.replaced(dict.fromkeys(filled), DEFAULT)


def chosen_recipe(spec: ModelSpec, config: Config) -> TrainRecipe:
    """The recipe of a model, with the values that the configuration overrides.

    Raises:
        UsageError: The model cannot be trained.
    """
    if spec.recipe is None:
        raise UsageError(f"{spec.name} cannot be trained")
    settings = with_recipe(config).Train
    own = [name for name in _REPLACEABLE if meanings()[f"Train.{name}"].modes(spec.name, spec.task)]
    chosen = {name: getattr(settings, name) for name in own}
    if isinstance(chosen.get("loss"), str):
        chosen["loss"] = loss_recipe(chosen["loss"], spec.recipe.loss)
    return replace(recipe_of(spec, settings), **{name: value for name, value in chosen.items() if value is not None})


def recipe_of(spec: ModelSpec, settings: TrainConfig) -> TrainRecipe:
    """The recipe of a model that can be trained, for the configured image size."""
    assert spec.recipe is not None
    sized = SIZED.get(spec.name)
    return spec.recipe if sized is None else sized.recipe(settings.input_size or sized.default)


def crop_of(transforms: object) -> list[int] | None:
    """Width and height of the first transform that crops; None where none does."""
    for transform in transforms if isinstance(transforms, (list, tuple)) else ():
        if isinstance(transform, Mapping) and "crop_size" in transform:
            return list(transform["crop_size"])
    return None


def _values(spec: ModelSpec, config: Config) -> dict[str, Any]:
    """The recipe's values by key; None for those that the configuration does not determine yet."""
    settings = config.Train
    recipe = recipe_of(spec, settings)
    sized = SIZED.get(spec.name)
    # functions, so that only keys with a meaning for this model are read
    values: dict[str, Callable[[], Any]] = {
        "Train.learning_rate": lambda: recipe.learning_rate,
        "Train.warmup_steps": lambda: _warmup(spec, recipe, settings),
        "Train.lr_scheduler": lambda: dict(recipe.lr_scheduler),
        "Train.optimizer": lambda: _optimizer(spec, recipe, settings),
        "Train.loss": lambda: dict(recipe.loss),
        "Train.transforms": lambda: _transforms(spec, recipe, settings),
        "Train.batch_transforms": lambda: [dict(transform) for transform in recipe.batch_transforms],
        "Train.crop_size": lambda: (
            None if settings.transforms is not None else crop_of(_transforms(spec, recipe, settings))
        ),
        "Train.input_size": lambda: None if sized is None else sized.default,
    }
    return {key: value() for key, value in values.items() if _has_meaning(key, spec)}


def _transforms(spec: ModelSpec, recipe: TrainRecipe, settings: TrainConfig) -> list[dict[str, Any]]:
    return _cropped(recipe.transforms, _crop_size(spec, settings))


def _has_meaning(key: str, spec: ModelSpec) -> bool:
    return bool(meanings()[key].modes(spec.name, spec.task))


def _crop_size(spec: ModelSpec, settings: TrainConfig) -> tuple[int, int] | None:
    """The configured crop; None where there is none, or crops have no meaning."""
    return settings.crop_size if _has_meaning("Train.crop_size", spec) else None


def _origin(spec: ModelSpec, key: str, config: Config) -> str:
    """Names the recipe, and what its value was adapted to."""
    origin = f"{RECIPE} {spec.name}"
    if key == "Train.warmup_steps" and spec.recipe is not None and spec.recipe.warmup_epochs is not None:
        return f"{origin}, {spec.recipe.warmup_epochs} epochs"
    if key == "Train.warmup_steps" and spec.recipe is not None:
        steps = _warmup(spec, spec.recipe, config.Train)
        return origin if steps == spec.recipe.warmup_steps else f"{origin}, cut to a tenth"
    if key == "Train.transforms" and _crop_size(spec, config.Train) is not None:
        return f"{origin}, with Train.crop_size"
    if key == "Train.optimizer" and spec.recipe is not None and _clip(spec, spec.recipe, config.Train) is not None:
        return f"{origin}, clipped: random weights"
    return origin


def _cropped(transforms: tuple[Recipe, ...], crop_size: tuple[int, int] | None) -> list[dict[str, Any]]:
    plain = [dict(transform) for transform in transforms]
    for transform in plain if crop_size is not None else ():
        if "crop_size" in transform:
            transform["crop_size"] = list(crop_size or ())
    return plain


def _warmup(spec: ModelSpec, recipe: TrainRecipe, settings: TrainConfig) -> int | None:
    """Iterations of the warm-up; None where they depend on the number of images."""
    if recipe.warmup_epochs is not None:
        return None
    if spec.task.facts.counts_epochs:
        return recipe.warmup_steps
    return min(recipe.warmup_steps, settings.epochs_iters // WARMUP_SHARE)


def _optimizer(spec: ModelSpec, recipe: TrainRecipe, settings: TrainConfig) -> dict[str, Any] | None:
    """The optimizer, with clipped gradients for random weights; None while the initial weights are undecided."""
    if spec.task.facts.scratch_clip is not None and settings.pretrain_weight_path == AUTO:
        return None
    clip = _clip(spec, recipe, settings)
    return {**recipe.optimizer, **({} if clip is None else {"clip_grad_by_norm": clip})}


def _clip(spec: ModelSpec, recipe: TrainRecipe, settings: TrainConfig) -> float | None:
    """The norm to which gradients are clipped because the weights are random; None where the recipe is enough."""
    is_enough = settings.pretrain_weight_path is not None or "clip_grad_by_norm" in recipe.optimizer
    return None if is_enough else spec.task.facts.scratch_clip
