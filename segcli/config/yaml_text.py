"""Reads YAML 1.2 scalars, with the line number of every key.

PyYAML follows YAML 1.1, in which ``OFF`` is false, ``1e-4`` is a string and ``2024-05-01`` is a date. Here, as in
YAML 1.2, they are a string, a number and a string. PaddleX's ``None`` is null too. Nothing is ever executed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from segcli.config.document import Document
from segcli.config.paddlex_paths import file_hint
from segcli.data.files import read_bytes
from segcli.data.yaml_nodes import load_nodes, load_yaml
from segcli.errors import ConfigFault

_SHOWN = 80
"""Most characters of a value that a message quotes."""


class _Loader(yaml.SafeLoader):
    """A safe loader with the plain scalars of YAML 1.2 and PaddleX's None."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own name and kind


_PLAIN = {
    "null": (r"~|null|Null|NULL|None|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    "float": (
        r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    "merge": (r"<<", ["<"]),
}
"""Kinds of plain scalars: their pattern, and their possible first characters."""
for _kind, (_form, _starts) in _PLAIN.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"^(?:{_form})$"), _starts)


def _number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    text = str(loader.construct_scalar(node)).lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


_Loader.add_constructor("tag:yaml.org,2002:float", _number)

_LARGEST_INT = 2**63 - 1


def _integer(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    if len(text) > len(str(_LARGEST_INT)) + 1 or abs(int(text)) > _LARGEST_INT:
        raise ValueError(f"{text[:24]}{'...' if len(text) > 24 else ''} does not fit into 64 bits")
    return int(text)


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)

_LITERALS = {"T": True, "t": True, "F": False, "f": False}
"""Booleans that PaddleX accepts after `-o` in addition to YAML's."""


def parse_value(text: str) -> Any:
    """The value of the right side of ``-o key=value``.

    Text that begins with a bracket, a brace or a quote is parsed as YAML; anything else is one plain scalar, so that
    ``*.jpg``, ``a: b`` and ``x #1`` are taken literally.

    Raises:
        ValueError: The list, mapping or quoted text is not closed or not valid.
    """
    text = text.strip()
    if text in _LITERALS:
        return _LITERALS[text]
    try:
        if text[:1] in tuple("[{'\""):
            return load_yaml(text, _Loader)
        loader = _Loader("")
        tag = loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
        return loader.construct_object(yaml.ScalarNode(tag, text))
    except (yaml.YAMLError, ValueError) as fault:
        shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
        raise ValueError(f"{shown} is not valid YAML: {_reason(fault)}") from fault


_WRITTEN_ORIGIN = re.compile(r"\s# ((?:default|recipe of )[^#]*)$")


def read_yaml(path: Path) -> Document:
    """Reads a YAML file; errors are listed in `Document.faults`."""
    document = Document()
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except OSError as fault:
        document.faults.append(ConfigFault(str(path), f"cannot be read: {fault.strerror}", file_hint(path)))
        return document
    except UnicodeDecodeError:
        document.faults.append(ConfigFault(str(path), "is not UTF-8 text", "save it as UTF-8"))
        return document
    _parse(text, path, document)
    return document


def _parse(text: str, path: Path, document: Document) -> None:
    try:
        node, values = load_nodes(text, _Loader)
    except (yaml.YAMLError, ValueError) as fault:
        mark = getattr(fault, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        document.faults.append(ConfigFault(place, f"is not valid YAML: {_reason(fault)}", "check quotes and indents"))
        return
    if values is None:
        return
    if not isinstance(values, dict):
        document.faults.append(ConfigFault(str(path), "holds no sections", "it starts with `Global:`"))
        return
    document.values = values
    lines = text.splitlines()
    for key, key_node, value_node in _entries(node, ""):
        line = key_node.start_mark.line + 1
        if key in document.lines:
            message = f"is given twice, in lines {document.lines[key]} and {line}"
            document.faults.append(ConfigFault(key, message, "keep one", f"{path}:{line}"))
        document.lines[key] = line
        written = _WRITTEN_ORIGIN.search(lines[line - 1])
        if written is not None:
            document.origins[key] = written[1].strip()
        if isinstance(value_node, yaml.ScalarNode) and value_node.style is None:
            document.texts[key] = value_node.value


def _entries(node: yaml.Node | None, prefix: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        return
    for key_node, value_node in node.value:
        key = f"{prefix}{key_node.value}"
        yield key, key_node, value_node
        yield from _entries(value_node, f"{key}.")


def _reason(fault: Exception) -> str:
    return str(getattr(fault, "problem", None) or fault).splitlines()[0]
