"""The resolved configuration as YAML, each value with where it came from; it can be read back with `-c`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from segcli.config.keys import leaves, sections
from segcli.config.load import LoadedConfig
from segcli.config.tree import value_at

_WIDEST = 60


def show(loaded: LoadedConfig) -> str:
    """YAML text with one origin a line."""
    values = loaded.config.model_dump(mode="json")
    lines = list(_lines(values, loaded.origins, "", 0))
    width = min(max(len(text) for text, _ in lines), _WIDEST)
    return "\n".join(f"{text:<{width}}  # {origin}" if origin else text for text, origin in lines) + "\n"


def _lines(values: dict[str, Any], origins: dict[str, str], prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    indent = "  " * depth
    for name in sections()[prefix.rstrip(".")].model_fields:
        key, value = f"{prefix}{name}", values[name]
        if key in leaves():
            yield f"{indent}{name}: {scalar(value)}", origins[key]
        elif value is None:
            yield f"{indent}{name}: null", origins.get(key, "default")
        else:
            yield f"{indent}{name}:", ""
            yield from _lines(value, origins, f"{key}.", depth + 1)


def scalar(value: Any) -> str:
    """A value on one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=float("inf"), sort_keys=False)
    return text.removesuffix("...\n").strip()


def changed(loaded: LoadedConfig) -> dict[str, Any]:
    """The values that did not come from a default, by dotted key."""
    values = loaded.config.model_dump(mode="json")
    return {key: value_at(values, key) for key, origin in loaded.origins.items() if not origin.startswith("default")}
