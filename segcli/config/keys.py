"""Every key of the configuration by its dotted name, taken from the schema."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from functools import cache
from inspect import cleandoc
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from segcli.config.schema import Config, Section
from segcli.config.schema.meaning import Meaning

OPTIONAL_SECTIONS = ("Evaluate.sliding_window", "Predict.sliding_window")
"""Sections that may be null as a whole."""


@cache
def sections() -> dict[str, type[Section]]:
    """Sections by dotted name, outer ones first; the whole configuration is ``""``."""
    return {"": Config, **{key: section for key, field in _walk(Config, "") if (section := section_of(field))}}


@cache
def leaves() -> dict[str, FieldInfo]:
    """Keys that hold a value, by dotted name, in order of the schema."""
    return {key: field for key, field in _walk(Config, "") if section_of(field) is None}


@cache
def meanings() -> dict[str, Meaning]:
    """Where each key that holds a value has an effect, by dotted name."""
    return dict(_meanings(Config, "", Meaning()))


def _meanings(section: type[Section], prefix: str, outer: Meaning) -> Iterator[tuple[str, Meaning]]:
    around = Meaning.of(list(section.reads), outer)
    for name, field in section.model_fields.items():
        meaning = Meaning.of(field.metadata, around)
        inner = section_of(field)
        if inner is None:
            yield prefix + name, meaning
        else:
            yield from _meanings(inner, f"{prefix}{name}.", meaning)


def section_of(field: FieldInfo) -> type[Section] | None:
    """The section that a key opens; None when it holds a value."""
    for kind in alternatives(field.annotation):
        if isinstance(kind, type) and issubclass(kind, Section):
            return kind
    return None


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the annotation alone."""
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _walk(section: type[Section], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in section.model_fields.items():
        yield prefix + name, field
        inner = section_of(field)
        if inner is not None:
            yield from _walk(inner, f"{prefix}{name}.")


def wants_text(field: FieldInfo) -> bool:
    """Whether a plain scalar is read as text, because a folder may be called 007 or true."""
    return str in alternatives(field.annotation)


def expected(field: FieldInfo) -> str:
    """The valid values of a key in words, e.g. ``a whole number of at least 1, or null``."""
    kinds = [kind for kind in alternatives(field.annotation) if kind is not type(None)]
    words = [_words(kind) for kind in kinds]
    limits = _limits(field)
    if limits and words:
        words[0] += f" {limits}"
    if type(None) in alternatives(field.annotation):
        words.append("null")
    return ", or ".join(words)


def choices(field: FieldInfo) -> list[str]:
    """The words that a key accepts; empty if it is not limited to certain words."""
    literals = [kind for kind in alternatives(field.annotation) if get_origin(kind) is Literal]
    return [word for literal in literals for word in get_args(literal) if isinstance(word, str)]


_NOUNS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", type(None): "null"}
_PLURALS = {int: "whole numbers", float: "numbers", str: "texts"}


def _words(kind: Any) -> str:
    if kind in _NOUNS:
        return _NOUNS[kind]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return _either([str(word).lower() if isinstance(word, bool) else str(word) for word in arguments])
    if origin is tuple:
        number = "" if arguments[-1] is Ellipsis else f"{len(arguments)} "
        inner = arguments[0]
        return f"a list of {number}{_PLURALS.get(inner) or _words(inner)}"
    return "keys with values"


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _limits(field: FieldInfo) -> str:
    names = ("ge", "gt", "le", "lt")
    limits = {name: getattr(rule, name) for rule in field.metadata for name in names if hasattr(rule, name)}
    if "ge" in limits and "le" in limits:
        return f"from {limits['ge']} to {limits['le']}"
    words = {"ge": "of at least", "gt": "above", "le": "of at most", "lt": "below"}
    return " and ".join(f"{words[name]} {value:g}" for name, value in limits.items())


def describe(key: str) -> str:
    """The description of a key in the schema's docstring, on one line."""
    parent, _, name = key.rpartition(".")
    return _documented(sections()[parent])[name]


@cache
def _documented(section: type[Section]) -> dict[str, str]:
    _, _, attributes = cleandoc(section.__doc__ or "").partition("Attributes:\n")  # Python 3.13 has done so itself
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {6,}.*)*)", attributes, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
