"""The configuration with relative paths, as stored in the output folder, so that the folder can be moved."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from segcli.config.references import HERE
from segcli.config.schema import Config
from segcli.config.tree import put, value_at

_OUTPUT = "Global.output"
_FOLDERS_AND_FILES = (
    "Global.dataset_dir",
    "Train.resume_path",
    "Train.promptable.cache_dir",
    "Evaluate.weight_path",
    "Evaluate.predictions",
    "Export.weight_path",
    "Predict.model_dir",
    "Predict.input",
    "Predict.promptable.cache_dir",
)
"""Keys whose value is always a path."""


def portable_values(config: Config, *, output: str = HERE) -> dict[str, Any]:
    """Plain values in which every path inside `Global.output` is relative to it.

    Args:
        config: The configuration.
        output: Replaces `Global.output`; by default the folder of the file that will hold the values.
    """
    values = config.model_dump(mode="json")
    for key in _FOLDERS_AND_FILES:
        value = value_at(values, key)
        if isinstance(value, str):
            put(values, key, _relative(value, config.Global.output, output))
    put(values, _OUTPUT, output)
    return values


def _relative(path: str, folder: str, written: str) -> str:
    inside = os.path.relpath(path, folder) if "://" not in path else os.pardir
    if Path(inside).parts[:1] == (os.pardir,):
        return path
    return f"{written}/{inside}" if inside != os.curdir else written
