"""Builds a network of the table from PaddleSeg's classes and from those that its PyPI release lacks."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from segcli.data.decoding.image_range import COLOURS
from segcli.engines.paddleseg.input_bands import widen_input
from segcli.engines.paddleseg.patches import apply_patches
from segcli.lazy import load_object
from segcli.models.spec import ModelSpec, Recipe

Network = Any

_SEAFORMER = "segcli.models.semantic.seaformer"
OWN_PARTS: dict[str, str] = {
    "SmallUNet": "segcli.models.semantic.unet:SmallUNet",
    "SeaFormerSeg": f"{_SEAFORMER}:SeaFormerSeg",
    "SeaFormer_tiny": f"{_SEAFORMER}:seaformer_tiny",
    "SeaFormer_small": f"{_SEAFORMER}:seaformer_small",
    "SeaFormer_base": f"{_SEAFORMER}:seaformer_base",
    "SeaFormer_large": f"{_SEAFORMER}:seaformer_large",
}
"""Where segcli's own networks and backbones are defined, by their name in recipes."""


def build(recipe: ModelSpec | Recipe, num_classes: int, channels: int = COLOURS, *, own_layers: bool = True) -> Network:
    """The network of a recipe with random weights, in training mode.

    Parameter names are numbered anew at each call, so that optimizer states saved by another process fit.

    Args:
        recipe: A model of the table, or the recipe of its network.
        num_classes: Classes of its output.
        channels: Channels of its input.
        own_layers: Whether Paddle's layers become those that train faster on a CPU, see `use_own_layers`.
    """
    import paddle

    from segcli.models.operators.layers import use_own_layers

    apply_patches()
    wanted = recipe.network if isinstance(recipe, ModelSpec) else recipe
    with paddle.utils.unique_name.guard():
        network = widen_input(_build_part({**wanted, "num_classes": num_classes}), channels)
    if own_layers:
        use_own_layers(network)
    return network


def _build_part(recipe: Recipe) -> Any:
    """The object that a recipe describes, with its parts built first."""
    arguments = {key: _build_part(value) if _is_recipe(value) else value for key, value in recipe.items()}
    return _find_class(arguments.pop("type"))(**arguments)


def _is_recipe(value: Any) -> bool:
    return isinstance(value, Mapping) and "type" in value


def _find_class(name: str) -> Any:
    if name in OWN_PARTS or ":" in name:
        return load_object(OWN_PARTS.get(name, name))
    manager = import_module("paddleseg.cvlibs.manager")
    models = manager.MODELS.components_dict
    return models[name] if name in models else manager.BACKBONES[name]
