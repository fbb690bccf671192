"""Changes files as accidents and enemies do: bytes, words, and values of JSON."""

from __future__ import annotations

import json
import random
import re
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 255, 256, 65536, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63), 10**400, 1e308, -1e308,
    1e-320, 0.5, float("nan"), float("inf"), "", " ", "a", "\0", "\ud800", "\udcff", "x" * 300, "../../etc/passwd",
    "/etc/passwd", "C:\\a", "\x1b[2J", "\u202e", "<b>", "${oc.env:HOME}", "é" * 200, [], {}, [[]], [None], {"": {}},
    [[[[[[[[[[]]]]]]]]]], list(range(50)), "1", "1e999", "0x10", "NaN", "nan", "-", ".", "..", "~", "a/b/c", "a\nb",
)  # fmt: skip
ODD_WORDS = (
    "", "-1", "1e999", "NaN", "99999999999999999999", "1" * 400, "\0", "x" * 300, "../a", "/", "*a", "&a", "!!int",
    "!!python/object:os.system", "[", "{", "}", ":", "- ", "\t", "\n", "\x1b[31m", "é", "null", "true", "~", "<<", "|",
    ">", "%", "@", "`", "'", '"', "#", "\ufeff", "\u2028", "\r", "[" * 2000, "a.png", "images", "0.5", "1_000", "0o17",
)  # fmt: skip
_WORDS = re.compile(rb"[\w.+-]+|[^\w\s]")


def changed(data: bytes, rng: random.Random) -> bytes:
    """The bytes of a file after one to three changes of any kind."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        ways = [_bytes, _bytes, _words]
        if data[:1] in (b"{", b"["):
            ways += [_json] * 4
        data = rng.choice(ways)(data, rng)
    return data


def _bytes(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return rng.randbytes(rng.randrange(64))
    at, other = rng.randrange(len(data)), rng.randrange(len(data))
    low, high = sorted((at, other))
    filler = rng.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * rng.choice((1, 2, 4, 8))
    return rng.choice(
        (
            data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :],
            data[:at],
            data[:low] + data[min(high, low + 64) :],
            data[:at] + data[low : low + 64] + data[at:],
            data[:at] + filler + data[at + 4 :],
            data[:at] + rng.randbytes(rng.randrange(1, 9)) + data[at:],
            data + data[low : low + 256],
        )
    )


def _words(data: bytes, rng: random.Random) -> bytes:
    found = list(_WORDS.finditer(data[: 1 << 16]))
    if not found:
        return data
    match = rng.choice(found)
    word = rng.choice(ODD_WORDS).encode("utf-8", "surrogatepass")
    return data[: match.start()] + word + data[match.end() :]


def _json(data: bytes, rng: random.Random) -> bytes:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        return data
    places = list(_places(values))
    if not places:
        return data
    holder, key = rng.choice(places)
    if rng.random() < 0.15:
        del holder[key]
    else:
        holder[key] = rng.choice(ODD_VALUES)
    return json.dumps(values).encode("ascii")


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        keys: list[Any] = list(one) if isinstance(one, dict) else list(range(len(one))) if isinstance(one, list) else []
        found += [(one, key) for key in keys]
        waiting += [one[key] for key in keys]
    return found
