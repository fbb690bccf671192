"""Reads values that are plainly right or wrong for their types, as pydantic would."""

import types
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from segcli.config.schema.values import Key, Limits, Problem, Values, ValuesError

UNSURE: Any = object()
"""Stands for a value that pydantic converts or refuses."""
_EXACT = 1 << 53
"""Whole numbers up to here are numbers of double precision."""


def read_section(section: type[Values], values: Any, place: tuple[str, ...], problems: list[Problem]) -> Any:
    """The section with these values, or `UNSURE`.

    Args:
        section: Its class.
        values: By key.
        place: Names of the section and of those around it.
        problems: Where values are added that are plainly wrong; the section is of no use then.
    """
    if type(values) is not dict or not values.keys() <= section.model_fields.keys():
        return UNSURE
    found: dict[str, Any] = {}
    for name, key in section.model_fields.items():
        if name not in values:
            if key.is_required:
                problems.append(Problem((*place, name), "missing", values, "Field required"))
            continue
        value = _read_key(section, name, values[name], place, problems)
        if value is UNSURE:
            return UNSURE
        found[name] = value
    return section.of_valid(found)


def invalid(title: str, problems: Sequence[Problem]) -> ValuesError:
    """The error that lists what is plainly wrong, as pydantic does.

    Args:
        title: Name of the section.
        problems: At least one.
    """
    plural = "" if len(problems) == 1 else "s"
    lines = [f"{len(problems)} validation error{plural} for {title}"]
    for problem in problems:
        told = f"[type={problem.type}, input_value={problem.input!r}, input_type={type(problem.input).__name__}]"
        lines += [".".join(map(str, problem.loc)), f"  {problem.msg} {told}"]
    return ValuesError("\n".join(lines), list(problems))


def _read_key(section: type[Values], name: str, value: Any, place: tuple[str, ...], problems: list[Problem]) -> Any:
    key = section.model_fields[name]
    inner = section_in(key.annotation)
    if inner is not None and value is not None:
        return value if type(value) is inner else read_section(inner, value, (*place, name), problems)
    words = _words(key)
    if words and type(value) is str and value not in words and _is_plain(value):
        problems.append(Problem((*place, name), "literal_error", value, f"Input should be {_either(words)}"))
        return value
    read = _read(key.annotation, value, tuple(key.limits))
    check = section.value_checks.get(name)
    if read is UNSURE or check is None:
        return read
    try:
        return check(read)
    except ValueError:
        return UNSURE


def section_in(annotation: Any) -> type[Values] | None:
    """The section that a key opens, if any."""
    kinds = _members(annotation)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Values)), None)


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _words(key: Key) -> tuple[str, ...]:
    """The words that a key accepts, if it accepts nothing else besides null."""
    kinds = [kind for kind in _members(key.annotation) if kind is not type(None)]
    words = get_args(kinds[0]) if len(kinds) == 1 and get_origin(kinds[0]) is Literal else ()
    return words if all(type(word) is str for word in words) else ()


def _either(words: Sequence[str]) -> str:
    shown = [repr(word) for word in words]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def _read(kind: Any, value: Any, limits: tuple[Limits, ...] = ()) -> Any:
    members = _members(kind)
    if len(members) > 1:
        if value is None and type(None) in members:
            return None
        found = [read for member in members if (read := _read(member, value, limits)) is not UNSURE]
        return found[0] if len(found) == 1 else UNSURE
    if get_origin(kind) is Annotated:
        inner, *notes = get_args(kind)
        return _read(inner, value, (*limits, *(note for note in notes if isinstance(note, Limits))))
    read = _read_one(kind, value)
    return read if read is UNSURE or all(limit.accept(read) for limit in limits) else UNSURE


def _read_one(kind: Any, value: Any) -> Any:
    """A value of a type that is no union."""
    given, origin, arguments = type(value), get_origin(kind), get_args(kind)
    if kind is float and given is int and -_EXACT < value < _EXACT:
        return float(value)
    if origin is tuple and given in (list, tuple):
        return _read_list(arguments, value)
    if origin is dict and given is dict:
        names = [_read(arguments[0], name) for name in value]
        inner = [_read(arguments[1], one) for one in value.values()]
        return UNSURE if any(one is UNSURE for one in (*names, *inner)) else dict(zip(names, inner, strict=True))
    if origin is Literal:
        fits = any(given is type(word) and value == word for word in arguments)
    else:
        fits = kind is Any or (given is kind and _is_plain(value))
    return value if fits else UNSURE


def _read_list(kinds: tuple[Any, ...], values: Sequence[Any]) -> Any:
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(values)
    read = tuple(map(_read, kinds, values))
    return UNSURE if len(kinds) != len(values) or any(one is UNSURE for one in read) else read


def _is_plain(value: Any) -> bool:
    """Whether a value has no odd form: a number that is infinite or NaN, or the name of a file that is no text."""
    if type(value) is float:
        return bool(value - value == 0)
    try:
        return type(value) is not str or value.isascii() or value.encode() != b""
    except UnicodeEncodeError:
        return False
