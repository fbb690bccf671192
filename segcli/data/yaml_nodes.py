"""YAML of unknown origin: aliases that unfold without end, depth and odd tags are met before values are made of it.

PyYAML's loaders in C are never used: a text of 100,000 brackets overflows their stack, which ends the process.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from segcli.data.files import require_regular

MOST_BYTES = 4 << 20
"""Of a YAML text; configurations and lists of class names have thousands."""
_TOO_LARGE = f"is larger than {MOST_BYTES >> 20} MiB"
MOST_NODES = 200_000
"""Values of a text, those behind an alias counted each time."""
MOST_DEPTH = 50
_TOO_MANY = f"holds more than {MOST_NODES:,} values, those behind aliases counted each time"
_TOO_DEEP = "is nested too deep"


def load_yaml(text: str | bytes, loader_class: type[yaml.SafeLoader] = yaml.SafeLoader) -> Any:
    """The values of a YAML text.

    Raises:
        yaml.YAMLError: It is no YAML.
        ValueError: It is too large or deep, unfolds to too much, or a tag does not fit its value.
    """
    return load_nodes(text, loader_class)[1]


def read_yaml(path: Path) -> Any:
    """The values of a YAML file; raises what `load_yaml` does.

    Raises:
        OSError: It cannot be read, or is no file but a pipe or device.
        ValueError: It is too large, deep or no text.
    """
    require_regular(path)
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(_TOO_LARGE)
    return load_yaml(path.read_text(encoding="utf-8"))


def load_nodes(text: str | bytes, loader_class: type[yaml.SafeLoader]) -> tuple[yaml.Node | None, Any]:
    """The tree of a YAML text, which knows the lines, and its values; raises what `load_yaml` does."""
    if len(text) > MOST_BYTES:
        raise ValueError(_TOO_LARGE)
    loader = _bounded(loader_class)(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, None
        _size(node, 0, {})
        return node, loader.construct_document(node)
    except RecursionError as fault:
        raise ValueError(_TOO_DEEP) from fault
    except (KeyError, IndexError, AttributeError, OverflowError, TypeError) as fault:  # of PyYAML's own constructors
        raise ValueError(f"a tag does not fit its value ({type(fault).__name__}: {fault})") from fault
    finally:
        loader.dispose()


def _bounded(loader_class: type[yaml.SafeLoader]) -> type[yaml.SafeLoader]:
    """The loader, which stops at the limits while it reads: 4 MB of `[1,1,...` would take minutes and gigabytes first.

    Brackets are counted where they are found, since for each the scanner goes through all that are open.
    """

    class Bounded(loader_class):  # type: ignore[valid-type, misc]
        _nodes = 0

        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            self._nodes += 1
            if self._nodes > MOST_NODES:
                raise ValueError(_TOO_MANY)
            node: yaml.Node | None = super().compose_node(parent, index)
            return node

        def fetch_flow_collection_start(self, token_class: type[yaml.Token]) -> None:
            if self.flow_level > MOST_DEPTH:
                raise ValueError(_TOO_DEEP)
            super().fetch_flow_collection_start(token_class)

    return Bounded


def _size(node: yaml.Node, depth: int, known: dict[int, int]) -> int:
    """Values of a tree, those behind an alias counted each time."""
    if depth > MOST_DEPTH:
        raise ValueError("is nested too deep, or an alias holds itself")
    if id(node) in known:
        return known[id(node)]
    inner: list[yaml.Node] = []
    if isinstance(node, yaml.SequenceNode):
        inner = node.value
    elif isinstance(node, yaml.MappingNode):
        inner = [part for pair in node.value for part in pair]
    total = 1 + sum(_size(part, depth + 1, known) for part in inner)
    if total > MOST_NODES:
        raise ValueError(_TOO_MANY)
    known[id(node)] = total
    return total
