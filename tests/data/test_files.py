"""JSON is written as Python writes it, with lists of numbers on one line."""

from __future__ import annotations

import json
import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import pytest

from segcli.data.files import to_json


class Colour(IntEnum):
    RED = 3


class Point(NamedTuple):
    x: int
    y: float


VALUES = {
    "empty": [[], {}, ""],
    "text [\n 1, 2]": ["], [", "é", None, True, 3],
    "nested": {"points": [[1.5, 2.0], [3.25, 4.0]], "row": [1, 2, 3], 7: (1, 2)},
    "mixed": [1, "a", [2, [3]]],
}


@pytest.mark.parametrize("indent", [None, 0, 1, 4])
@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_what_is_written_is_read_again(indent, ensure_ascii):
    text = to_json(VALUES, indent=indent, ensure_ascii=ensure_ascii)
    assert json.loads(text) == json.loads(json.dumps(VALUES))
    assert text.isascii() == ensure_ascii


def test_values_stand_where_python_puts_them_and_numbers_share_a_line():
    plain = {"a": {"b": ["x", {"c": 1}], "d": None}}
    assert to_json(plain, indent=2) == json.dumps(plain, indent=2)
    assert to_json({"ring": [[1, 2], [3, 4]], "row": [1, 2]}, indent=1) == (
        '{\n "ring": [\n  [1, 2],\n  [3, 4]\n ],\n "row": [1, 2]\n}'
    )


@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_every_value_is_written_as_python_writes_it(ensure_ascii):
    values = {
        "кот": ['\n"é', True, False, None, -1, 2**70, 1e-07, -0.0, 1e300, np.float64(0.1), Colour.RED],
        True: [[], {}, ""],
        None: {2: "two", 1.5: {}},
        "rows": [[1e-9, 2], []],
        "point": Point(1, 2.5),
    }
    for indent in (1, 4):
        text = to_json(values, indent=indent, ensure_ascii=ensure_ascii)
        assert " ".join(text.split()).replace("[ ", "[").replace(" ]", "]") == " ".join(
            json.dumps(values, indent=indent, ensure_ascii=ensure_ascii).split()
        ).replace("[ ", "[").replace(" ]", "]")


def test_numbers_that_are_none_are_null():
    assert to_json({"rows": [[1.0, math.nan], [math.inf, 2.0]]}, indent=None) == (
        '{"rows": [[1.0, null], [null, 2.0]]}'
    )
