"""Outlines of many annotations measured at once, against those measured one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from segcli.data.formats import coco_outlines
from segcli.data.formats.coco_objects import parse_object
from segcli.data.formats.coco_outlines import measured_outlines

SQUARE = [10, 10, 30, 10, 30, 30, 10, 30]
SIZE = (640, 480)


def entry(*rings: Any) -> dict[str, Any]:
    return {"id": 1, "segmentation": list(rings)}


def test_parsed_objects_are_the_same_either_way(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(coco_outlines, "_AT_ONCE", 200)
    rng = np.random.default_rng(0)
    entries = [
        entry(*(rng.uniform(0, 400, 2 * int(rng.integers(3, 12))).tolist() for _ in range(int(rng.integers(1, 4)))))
        for _ in range(100)
    ]
    entries[::7] = [entry(SQUARE) for _ in entries[::7]]
    measured = list(measured_outlines(entries))
    assert len(measured) == len(entries) and all(measured)
    for given, outline in zip(entries, measured, strict=True):
        assert parse_object(given, 0, *SIZE, outline) == parse_object(given, 0, *SIZE)


@pytest.mark.parametrize("value", [10**320, 10**18, float("nan"), float("inf"), True, None, "1", [1]], ids=str)
def test_a_faulty_value_leaves_the_outlines_to_the_slow_way(value: Any):
    assert list(measured_outlines([entry(SQUARE), entry([0, 0, 5, 0, 5, value])])) == [None, None]


@pytest.mark.parametrize("value", [True, False, 1, 0, -3])
def test_whole_numbers_among_others_are_told_from_true_and_false(value: Any):
    given = entry([0.5, 10.25, 30.5, 10.5, 30.5, value])
    (outline,) = measured_outlines([given])
    assert (outline is None) is isinstance(value, bool)
    if outline is not None:
        assert set(map(type, outline.shape[0])) == {float}


def test_what_is_no_polygon_is_not_measured():
    entries = [{"segmentation": {"size": [2, 2], "counts": [0, 4]}}, {}, None, entry([1, 2, 3]), entry(SQUARE)]
    assert [outline is not None for outline in measured_outlines(entries)] == [False, False, False, False, True]
