"""Annotations that are told to be sound at once, against the same ones looked at by every rule."""

from __future__ import annotations

from typing import Any

import pytest

from segcli.data import rle
from segcli.data.formats import coco_objects
from segcli.data.formats.coco_objects import parse_object
from tests.coco_folder import annotation, rectangle

SIZE = (64, 48)
BOX = [10.0, 12.0, 20.0, 16.0]
EDGES = [[0.0, 0.0, 64.0, 48.0], [0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0], [61.0, 44.0, 3.0, 4.0]]
OUTSIDE = [[-0.5, 2.0, 9.0, 9.0], [50.0, 2.0, 14.5, 9.0], [70.0, 2.0, 9.0, 9.0], [-20.0, 2.0, 15.0, 9.0]]
SHIFTS = [-60, -16, -2.1, -2, -1.01, -1, -0.99, 0.5, 1, 1.01, 2, 2.1, 16, 60]
VALUES: list[tuple[str, Any]] = [
    *((key, value) for key in ("iscrowd", "ignore") for value in (None, 0, 0.0, False, 1, True, "", "0", "1", [], 2)),
    *(("area", value) for value in (None, 0, -1, True, "320", float("nan"), float("inf"), 10**400)),
    *(("area", 320 * share) for share in (0.5, 0.78, 0.79, 0.9, 1.1, 1.21, 1.22, 2)),
    *(("bbox", value) for value in (None, [], BOX[:3], [*BOX, 1.0], tuple(BOX), [10, 12, 20, True])),
    *(("bbox", [*BOX[:place], value, *BOX[place + 1 :]]) for place in range(4)
      for value in (*(BOX[place] + shift for shift in SHIFTS), "9", float("nan"), float("inf"), 10**400)),
]  # fmt: skip


def _entries() -> list[dict[str, Any]]:
    boxes = [annotation(number, 1, 1, box) for number, box in enumerate([BOX, *EDGES, *OUTSIDE])]
    changed = [annotation(7, 1, 1, BOX) | {key: value} for key, value in VALUES]
    lacking = [{name: value for name, value in boxes[0].items() if name != key} for key in ("iscrowd", "area", "bbox")]
    parts = {"segmentation": [rectangle(*BOX), rectangle(12, 14, 8, 8)], "bbox": BOX}
    holes = [boxes[0] | parts | {"area": area} for area in (150, 200, 256, 320, 384, 450, 500)]
    code = rle.from_polygons((tuple(rectangle(*BOX)),), SIZE[1], SIZE[0])
    return [*boxes, *changed, *lacking, *holes, boxes[0] | {"segmentation": code}]


@pytest.mark.parametrize("entry", _entries(), ids=str)
def test_what_is_sound_at_once_is_sound_by_every_rule(entry: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    found = parse_object(entry, 0, *SIZE)
    monkeypatch.setattr(coco_objects, "_is_sound", lambda *_: False)
    # as text, in which 1 and 1.0 differ and NaN is itself
    assert repr(parse_object(entry, 0, *SIZE)) == repr(found)


@pytest.mark.parametrize("box", [BOX, EDGES[0], EDGES[3]], ids=str)
def test_a_sound_annotation_is_told_at_once(box: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coco_objects, "_box", None)
    assert not parse_object(annotation(1, 1, 1, box), 0, *SIZE).faults
