"""The fast parser and the fast writer give what Python's own give."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import pytest

from segcli.data.json_text import _has_long_number, json_bytes, parse_json

ODD = [
    b'{"a": NaN, "b": [Infinity, -Infinity, 1e400]}',
    b"[1, -0, -0.0, 1E+3, 5e-324, 2.2250738585072011e-308, 0.1234567890123456789012345]",
    b'{"a": 1, "a": 2}',
    b'\xef\xbb\xbf{"mark": 1}',
    '{"name": "中文 é 😀"}'.encode(),
    b"[" * 300 + b"]" * 300,
    b'"\\ud83d\\ude00"',
]
NO_JSON = [b"[1,]", b"[01]", b"{} x", b'{"a": "x\ny"}', b"", b"nan", '{"a": "中"}'.encode("gb18030")]


def _random_values() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**64, 20_000, dtype=np.uint64).view(np.float64)
    pixels = (rng.uniform(-1, 5000, 20_000), np.round(rng.uniform(0, 5000, 2_000), 2))
    return {"bits": bits[np.isfinite(bits)].tolist(), "pixels": [values.tolist() for values in pixels]}


def test_every_float_is_read_and_written_as_by_python() -> None:
    values = _random_values()
    assert parse_json(json.dumps(values)) == values
    assert json.loads(json_bytes(values)) == values


@pytest.mark.parametrize("text", ODD)
def test_what_python_reads_is_read_alike(text: bytes) -> None:
    assert repr(parse_json(text)) == repr(json.loads(text))


@pytest.mark.parametrize("text", NO_JSON)
def test_what_python_refuses_is_refused_with_its_message(text: bytes) -> None:
    with pytest.raises(ValueError) as expected:
        json.loads(text)
    with pytest.raises(type(expected.value)) as found:
        parse_json(text)
    assert str(found.value) == str(expected.value)


def test_what_is_written_is_read_by_python() -> None:
    values = {"count": 3, "none": None, "yes": True, "name": "é 😀", "number": np.float64(0.1), "infinite": math.inf}
    assert json.loads(json_bytes(values)) == values


def test_a_name_that_is_no_utf8_is_written_escaped() -> None:
    assert json_bytes({"file_name": "b\udce9te.jpg"}) == b'{"file_name":"b\\udce9te.jpg"}'


@pytest.mark.parametrize("portion", [1 << 18, 7])
def test_long_numbers_are_found_wherever_they_stand(monkeypatch: pytest.MonkeyPatch, portion: int) -> None:
    monkeypatch.setattr("segcli.data.json_text._PORTION", portion)
    rng = np.random.default_rng(0)
    for digits in range(40):
        before, after = (bytes(rng.choice([*b"/:.-e \xff"], rng.integers(30)).tolist()) for _ in range(2))
        text = before + bytes(rng.choice([*b"0123456789"], digits).tolist()) + after
        assert _has_long_number(text) is (re.search(rb"[0-9]{19}", text) is not None), text
