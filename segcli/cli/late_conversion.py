"""Values of options, converted without pydantic where they are plain."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, get_args, get_origin

_DIGITS = 9
"""Most digits of a whole number that is converted here."""


def convert_late(option: Any) -> None:
    """Lets an option of a command be converted by pydantic only where it must be; None is left as it is."""
    if hasattr(option, "get_runtime_param"):  # typer before 0.29 converts without pydantic
        vars(option).setdefault("get_runtime_param", _LateConversion(option))


class _LateConversion:
    """Stands for typer's conversion of an option, which is made only for options that are given and not plain.

    Typer makes it for every option of a command, with pydantic, which takes 1 ms each, and its import 0.1 s.

    Args:
        option: The option or argument.
    """

    def __init__(self, option: Any) -> None:
        self._make = option.get_runtime_param
        self._kind = option.type_descriptor.annotation
        self._info = option.type_descriptor.parameter_info

    def __call__(self) -> _LateConversion:
        """Itself, where typer makes the conversion."""
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value of an option; without words it is None, or empty for one that is repeated."""
        is_repeated = param.multiple or param.nargs == -1
        if value is None:
            return () if is_repeated else None
        if is_repeated and get_origin(self._kind) is list and type(value) in (list, tuple):
            (kind,) = get_args(self._kind)
            plain = [self._plain(kind, word) for word in value]
            if None not in plain:
                return plain
        elif not is_repeated and (converted := self._plain(self._kind, value)) is not None:
            return converted
        return self._make().coerce(value, param=param, ctx=ctx)

    def _plain(self, kind: Any, word: Any) -> str | Path | int | None:
        """The value of a word that no limit or check can refuse; None for any other."""
        if type(word) is not str or self._info.parser is not None or not _is_text(word):
            return None
        if kind is str:
            return word
        if kind is Path and not _checked(self._info) and (os.access(word, os.R_OK) or not os.access(word, os.F_OK)):
            return Path(word)
        if kind is int and word.isascii() and word.isdecimal() and len(word) <= _DIGITS and not self._info.clamp:
            least, most = self._info.min, self._info.max
            number = int(word)
            return number if (least is None or number >= least) and (most is None or number <= most) else None
        return None


def _checked(info: Any) -> bool:
    """Whether more is asked of a path than that it can be read."""
    asked = (info.exists, info.writable, info.resolve_path, info.allow_dash, info.path_type)
    return any(asked) or not (info.file_okay and info.dir_okay)


def _is_text(word: str) -> bool:
    """Whether a word is text; the name of a file may hold bytes that are none."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True
