"""JSON is written as Python writes it, with lists of numbers on one line."""

from __future__ import annotations

import json
import math

import pytest

from segcli.data.files import to_json

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


def test_numbers_that_are_none_are_null():
    assert to_json({"rows": [[1.0, math.nan], [math.inf, 2.0]]}, indent=None) == (
        '{"rows": [[1.0, null], [null, 2.0]]}'
    )
