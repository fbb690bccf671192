"""The resolved configuration as YAML, each value with its origin; it can be read back with `-c`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from segcli.config.keys import leaves, meanings, sections
from segcli.config.load import LoadedConfig
from segcli.config.plan_mode import with_open_keys
from segcli.config.schema import Config
from segcli.config.tree import value_at
from segcli.models.names import MODEL_TASKS

_WIDEST, _COLUMNS = 44, 80
_WORD = 14
"""Room for the word with which PyYAML crosses the width of a line before it breaks it."""
_PIECE = re.compile(r"""(?:(?<![^\[{ ])"(?:\\.|[^"\\])*"|(?<![^\[{ ])'(?:''|[^'])*'|[^,])*(?:, |$)""")
"""Up to the next comma between two entries of a flow collection."""
RECIPE_KEYS = (
    "Train.epochs_iters",
    "Train.batch_size",
    "Train.learning_rate",
    "Train.warmup_steps",
    "Train.crop_size",
    "Train.input_size",
    "Train.optimizer",
    "Train.lr_scheduler",
    "Train.loss",
    "Train.class_weights",
    "Train.transforms",
    "Train.batch_transforms",
)
"""What makes up the recipe of a training."""


def show(loaded: LoadedConfig) -> str:
    """YAML text with one origin per line."""
    return as_yaml(with_open_keys(loaded.config))


def as_yaml(config: Config, values: dict[str, Any] | None = None) -> str:
    """Every value that has an effect for the model, each with its origin as a comment.

    Args:
        config: The configuration.
        values: Values to write instead of the configuration's own, such as those with relative paths; None writes its
            own.
    """
    lines = list(_lines(values or config.model_dump(mode="json"), config, "", 0))
    width = min(max(len(text) for text, _ in lines), _WIDEST)
    return "".join(f"{_with_origin(text, origin, width)}\n" for text, origin in lines)


def _with_origin(text: str, origin: str, width: int) -> str:
    """A line with its origin as a comment, which stands below the others where that leaves the line short enough."""
    if not origin:
        return text
    aligned = f"{text:<{width}}  # {origin}"
    return aligned if len(aligned) <= _COLUMNS else f"{text}  # {origin}"


def used_recipe(config: Config) -> dict[str, dict[str, Any]]:
    """How the model is trained: each key of the recipe with its value and origin."""
    values = config.model_dump(mode="json")
    found = {key: {"value": value_at(values, key), "origin": config.origin(key)} for key in RECIPE_KEYS}
    return {key: entry for key, entry in found.items() if _has_meaning(config, key)}


def _has_meaning(config: Config, key: str) -> bool:
    task = MODEL_TASKS.get(config.Global.model)
    return task is None or bool(meanings()[key].modes(config.Global.model, task))


def _lines(values: dict[str, Any], config: Config, prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    indent = "  " * depth
    for name in sections()[prefix.rstrip(".")].model_fields:
        key, value = f"{prefix}{name}", values[name]
        if key in leaves():
            if config.is_given(key) or _has_meaning(config, key):
                yield from _entry(f"{indent}{name}:", value, config.origin(key), indent)
        elif value is None:
            if any(_has_meaning(config, inner) for inner in leaves() if inner.startswith(f"{key}.")):
                yield f"{indent}{name}: null", config.origin(key)
        else:
            inner = list(_lines(value, config, f"{key}.", depth + 1))
            if inner:
                yield f"{indent}{name}:", ""
                yield from inner


def _entry(head: str, value: Any, origin: str, indent: str) -> Iterator[tuple[str, str]]:
    """A key with its value: on one line if it is short, else below the key; an entry of a list of mappings per line."""
    line = f"{head} {scalar(value)}"
    if isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        yield head, origin
        yield from ((text, "") for entry in value for text in _wrapped(scalar(entry), f"{indent}  - "))
    elif len(f"{line}  # {origin}") <= _COLUMNS or not isinstance(value, list | dict):
        yield line, origin
    else:
        yield head, origin
        lines = list(_wrapped(scalar(value), f"{indent}  "))
        yield from ((text, "") for text in (_folded(value, f"{indent}  ") if _is_wide(lines) else lines))


def _is_wide(lines: list[str]) -> bool:
    return any(len(line) > _COLUMNS for line in lines)


def _folded(value: Any, indent: str) -> list[str]:
    """A collection with long texts: an entry per line, the texts folded."""
    width = _COLUMNS - len(indent) - _WORD
    text = yaml.safe_dump(value, default_flow_style=False, allow_unicode=True, width=width, sort_keys=False)
    return [f"{indent}{line}" if line else "" for line in text.rstrip().split("\n")]


def _wrapped(text: str, begin: str) -> Iterator[str]:
    """A flow collection in lines that fit, broken after commas."""
    pieces = _PIECE.findall(text)
    if "".join(pieces) != text:
        pieces = [text]
    line = begin
    for piece in pieces:
        if len(line) + len(piece.rstrip()) > _COLUMNS and line.strip(" -"):
            yield line.rstrip()
            line = " " * (len(begin) + 2)
        line += piece
    yield line.rstrip()


def scalar(value: Any) -> str:
    """A value on one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=float("inf"), sort_keys=False)
    return text.removesuffix("...\n").strip()
