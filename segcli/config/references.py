"""References between values: ``weight_path: ${Global.output}/best_model/model.pdparams``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from segcli.config.tree import Values, discard, value_at

HERE = "${config_dir}"
"""Stands for the folder of the configuration file, for paths relative to it."""


def resolve_here(value: Any, folder: Path) -> Any:
    """A value of any kind in which `HERE` is replaced by `folder`."""
    if isinstance(value, str):
        return value.replace(HERE, folder.as_posix().replace("${", "\\${")) if HERE in value else value
    if isinstance(value, dict):
        return {name: resolve_here(inner, folder) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [resolve_here(inner, folder) for inner in value]
    return value


def resolve_references(values: Values, keys: Iterable[str]) -> tuple[Values, dict[str, str]]:
    """The values with every reference replaced, and by key the reason why a reference could not be replaced.

    OmegaConf is imported only if a value holds a reference: its import takes a fifth of a command's start-up time.
    """
    referring = [key for key in keys if "${" in json.dumps(value_at(values, key), default=str)]
    if not referring:
        return values, {}
    from omegaconf import OmegaConf

    unresolved: dict[str, str] = {}
    for key in referring:
        _note_failure(unresolved, values, key, {"value": value_at(values, key)}, "value")
    tree = OmegaConf.create(values)
    for key in set(referring) - set(unresolved):
        _note_failure(unresolved, values, key, tree, key)
    resolved = OmegaConf.to_container(OmegaConf.create(values), resolve=True)
    return {str(name): value for name, value in resolved.items()}, unresolved


def _note_failure(unresolved: dict[str, str], values: Values, key: str, source: Any, selected: str) -> None:
    """Drops a value with invalid syntax (`source` is plain) or a missing target (`source` is the whole tree)."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        if isinstance(source, dict):
            OmegaConf.create(source)
            return
        found = OmegaConf.select(source, selected)
        if OmegaConf.is_config(found):
            OmegaConf.to_container(found, resolve=True)
    except OmegaConfBaseException as error:
        unresolved[key] = str(error).partition("\n")[0]
        discard(values, key)
