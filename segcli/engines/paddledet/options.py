"""`Train.network`: arguments of the network's parts that replace the model's own."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from segcli.config.suggest import did_you_mean, near
from segcli.engines.paddledet.registration import register_instance_networks
from segcli.errors import ConfigError, ConfigFault
from segcli.models.instance.recipes import merge
from segcli.models.spec import Recipe

_NOT_A_CHOICE = ("architecture", "num_classes")
"""Entries of a recipe that are set by other keys of the configuration."""


def with_options(recipe: Recipe, options: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe of a network with a user's arguments.

    Args:
        recipe: As `segcli.models.instance.recipes.instance_recipe` returns it.
        options: ``{class: {argument: value}}``, or ``{name: value}`` for a value that several classes share.

    Raises:
        ConfigError: The network has no such part, a part has no such argument, or a value has the wrong form.
    """
    faults = list(_faults(recipe, options))
    if faults:
        raise ConfigError(faults)
    return merge(recipe, options)


def _faults(recipe: Recipe, options: Mapping[str, Any]) -> Iterator[ConfigFault]:
    names = [name for name in recipe if name not in _NOT_A_CHOICE]
    for name, value in options.items():
        key = f"Train.network.{name}"
        if name not in names:
            remedy = did_you_mean(near(name, names)) or f"choose one of {', '.join(names)}"
            yield ConfigFault(key, "the network has no such part", remedy)
        elif isinstance(recipe[name], Mapping) != isinstance(value, Mapping):
            kind = "arguments with their values" if isinstance(recipe[name], Mapping) else "one value"
            yield ConfigFault(key, f"is {value!r}; expected {kind}")
        elif isinstance(value, Mapping):
            known = _arguments(name)
            for argument in value:
                if argument not in known:
                    remedy = did_you_mean(near(argument, known)) or f"choose one of {', '.join(known)}"
                    yield ConfigFault(f"{key}.{argument}", f"{name} has no such argument", remedy)


def _arguments(part: str) -> list[str]:
    """Arguments of the class that PaddleDetection knows by that name."""
    register_instance_networks()
    from ppdet.core.workspace import global_config

    schema = global_config[part]
    parameters = inspect.signature(getattr(schema.pymodule, part).__init__).parameters
    return [name for name in parameters if name != "self"]
