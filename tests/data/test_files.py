"""JSON is written as Python writes it, with lists of numbers on one line."""

from __future__ import annotations

import json
import math
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from segcli.data.files import write_json_atomic
from segcli.data.json_writer import json_pieces, to_json


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
        "whole": [[0.0, -0.0, 3.0], [1e14], [], [-7.0, 12345678.0]],
        "large": [[1e15, 1e16], [1e17, -1e22]],
        "mixed": [[1.0, 2], [0.5, 3.0]],
        "words": [[True, 1], [2.0, None]],
        "deep": [[[1, 2], [3.0, 4]], [[5.0]]],
        "row": (1,),
        "rows of rows": [(1.0,), [2.0, 3.0]],
    }
    for indent in (1, 4):
        text = to_json(values, indent=indent, ensure_ascii=ensure_ascii)
        assert " ".join(text.split()).replace("[ ", "[").replace(" ]", "]") == " ".join(
            json.dumps(values, indent=indent, ensure_ascii=ensure_ascii).split()
        ).replace("[ ", "[").replace(" ]", "]")


def test_numbers_that_are_none_are_null():
    values = {"rows": [[1.0, math.nan], [math.inf, 2.0]], "row": [-math.inf], "one": math.nan, "whole": [[math.inf]]}
    text = '{"rows": [[1.0, null], [null, 2.0]], "row": [null], "one": null, "whole": [[null]]}'
    assert to_json(values, indent=None) == text
    assert json.loads(to_json(values, indent=2)) == json.loads(text)
    assert json.loads("".join(json_pieces(iter([values, 1.5]), indent=2))) == [json.loads(text), 1.5]


def test_json_in_pieces_is_the_same_text() -> None:
    values = {"a": [1, float("nan")], "ä": [{"b": [[1, 2], [3, 4]], "c": "x"}, [], {}], "d": {"e": [{"f": None}], 7: 8}}
    streamed = {**values, "ä": iter(values["ä"]), "d": {**values["d"], "e": iter(values["d"]["e"])}}
    assert "".join(json_pieces(streamed, indent=3, ensure_ascii=False)) == to_json(values, indent=3, ensure_ascii=False)
    assert "".join(json_pieces(iter([]), indent=2)) == "[]"


def test_a_fault_while_items_are_made_leaves_the_old_file(tmp_path: Path) -> None:
    def items():
        yield 1
        raise KeyError

    write_json_atomic(tmp_path / "a.json", [1])
    with pytest.raises(KeyError):
        write_json_atomic(tmp_path / "a.json", {"items": items()})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "[1]\n"
