"""JSON of unknown origin: numbers, texts and nesting that Python or other readers cannot represent are handled here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from segcli.data.files import require_regular

MOST_BYTES = 64 << 20
"""Of a file that `read_json` reads; cards and records have thousands."""
_LARGEST = 2**63 - 1
_LONG_STEPS = (1, 2, 4, 8, 3)
"""By which runs of digits become shorter: only those of `_LARGEST` and longer, of 19 digits, are still there then."""
_LONG = 1 + sum(_LONG_STEPS)
_PORTION = 1 << 18
"""Bytes that are looked through at once: their intermediate values stay in the processor's cache."""
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_LONE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Halves of characters; U+DC80 to U+DCFF are left, by which Python names the bytes of file names that are no UTF-8."""


def parse_json(data: bytes | str) -> Any:
    """The values of a JSON text.

    An integer beyond 64 bits becomes a float, which is infinite where it is beyond these too, and half a character
    (``\\ud800``) becomes its escape in letters: both can then be shown, compared and refused like any other value.

    Raises:
        ValueError: It is no JSON or no text, or is nested too deep; UnicodeDecodeError where bytes are no UTF.
    """
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    try:
        values = json.loads(data, parse_int=_integer) if _has_long_number(raw) else _parsed(data)
        # a single character is found 80 times as fast as two
        return _without_halves(values) if b"\\" in raw and _SURROGATE.search(raw) else values
    except RecursionError as fault:
        raise ValueError("is nested too deep") from fault


def _has_long_number(text: bytes) -> bool:
    """Whether 19 digits stand in a row; a regular expression would take several times as long as the parser."""
    import numpy as np

    values = np.frombuffer(text, np.uint8)
    for begin in range(0, len(values), _PORTION):
        portion = values[begin : begin + _PORTION + _LONG - 1]  # a number may go on in the next one
        is_digit = portion - np.uint8(ord("0")) < 10  # what is below "0" wraps around
        for step in _LONG_STEPS:
            is_digit = is_digit[:-step] & is_digit[step:]
        if is_digit.any():
            return True
    return False


def json_bytes(values: Any) -> bytes:
    """The shortest JSON of plain values, in UTF-8: eight times faster than `json.dumps`, for files of many numbers."""
    from pydantic_core import PydanticSerializationError, to_json

    try:
        return to_json(values, inf_nan_mode="constants")
    except PydanticSerializationError:  # a file name that is not UTF-8
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")


def _parsed(data: bytes | str) -> Any:
    """As `json.loads`, which has the last word on what the parser that is four times faster refuses."""
    from pydantic_core import from_json

    try:
        return from_json(data)
    except ValueError:
        return json.loads(data)


def read_json(path: Path, most_bytes: int = MOST_BYTES) -> Any:
    """The values of a small JSON file of unknown origin, such as a card or a record; see `parse_json`.

    Raises:
        OSError: It cannot be read, or is no file but a pipe or device.
        ValueError: It is no JSON, nested too deep, or larger than `most_bytes`.
    """
    require_regular(path)
    if path.stat().st_size > most_bytes:
        raise ValueError(f"is larger than {most_bytes >> 20} MiB")
    return parse_json(path.read_bytes())


def _integer(text: str) -> int | float:
    if len(text) > len(str(_LARGEST)) + 1:
        return float(text)
    value = int(text)
    return value if abs(value) <= _LARGEST else float(value)


def _without_halves(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE.sub(lambda half: f"\\u{ord(half[0]):04x}", value)
    if isinstance(value, list):
        return [_without_halves(inner) for inner in value]
    if isinstance(value, dict):
        return {_without_halves(key): _without_halves(inner) for key, inner in value.items()}
    return value
