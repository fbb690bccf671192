"""`segcli outline` with a tiny Segment Anything network of random weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segcli.cli.main import main
from segcli.errors import DatasetError, UsageError
from segcli.promptable.masks import make_mask
from segcli.promptable.predictor import SamPredictor
from segcli.steps.outline.command import outline
from tests.promptable_weights import promptable_weights

KEPT = {"label": "roof", "points": [[1, 1], [9, 1], [5, 9]], "group_id": 4, "shape_type": "polygon", "flags": {}}


def _shape(kind, points, label="leaf", group=None):
    return {"label": label, "points": points, "group_id": group, "shape_type": kind, "flags": {"crowd": True}}


def _dataset(folder: Path, shapes, *, size=(64, 48)) -> Path:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (48, 64, 3), np.uint8)).save(folder / "a.png")
    document = {
        "shapes": shapes,
        "imagePath": "a.png",
        "imageData": None,
        "imageWidth": size[0],
        "imageHeight": size[1],
    }
    (folder / "a.json").write_text(json.dumps({**document, "my own": 1}))
    return folder


def test_boxes_and_clicks_become_outlines_and_the_rest_stays(tmp_path):
    box = _shape("rectangle", [[40, 40], [10, 5]])
    clicks = [_shape("point", [[20, 20]], "dot", 7), _shape("point", [[25, 22]], "dot", 7)]
    data = _dataset(tmp_path / "data", [box, KEPT, *clicks])
    before = (data / "a.json").read_bytes()
    found = outline(data, "SAM-tiny", promptable_weights("SAM-tiny"))
    values = json.loads((data / "a.json").read_text())
    assert values["my own"] == 1 and KEPT in values["shapes"]
    others = [shape for shape in values["shapes"] if shape != KEPT]
    assert found.outlined + len(found.left) == 2 and found.outlined >= 1
    outlined = [shape for shape in others if shape["shape_type"] in ("polygon", "mask")]
    assert outlined and all(shape["flags"] == {"crowd": True} for shape in outlined)
    assert all(shape["description"].startswith("confidence ") for shape in outlined)
    with pytest.raises(SystemExit):
        main(["undo", str(data)])
    assert (data / "a.json").read_bytes() == before


def test_two_objects_in_parts_do_not_become_one(tmp_path, monkeypatch):
    boxes = [_shape("rectangle", [[2, 2], [30, 40]]), _shape("rectangle", [[32, 2], [60, 40]], group=9)]
    data = _dataset(tmp_path / "data", boxes)

    def in_two_parts(_self, objects, **_):
        masks = np.zeros((len(objects), 48, 64), bool)
        for mask, one in zip(masks, objects, strict=True):
            left, top = (int(side) for side in one.box[:2])
            mask[top : top + 5, left : left + 5] = mask[top + 9 : top + 14, left : left + 5] = True
        return [make_mask(one, mask, score=0.5, stability=1) for one, mask in zip(objects, masks, strict=True)]

    monkeypatch.setattr(SamPredictor, "predict", in_two_parts)
    assert outline(data, "SAM-tiny", promptable_weights("SAM-tiny")).outlined == 2
    shapes = json.loads((data / "a.json").read_text())["shapes"]
    assert [shape["group_id"] for shape in shapes] == [10, 10, 11, 11]


def test_what_cannot_be_outlined_is_listed_and_kept(tmp_path):
    outside = _shape("point", [[500, 20]])
    inside = _shape("rectangle", [[10, 5], [40, 40]])
    data = _dataset(tmp_path / "data", [outside, inside])
    found = outline(data, "SAM-tiny", promptable_weights("SAM-tiny"))
    assert any("outside the image" in fault and "shape 0 (leaf)" in fault for fault in found.left)
    assert outside in json.loads((data / "a.json").read_text())["shapes"]


def test_a_file_in_which_nothing_is_found_stays_as_it_is(tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from tests.steps.guests.test_import import sam_guest

    data = _dataset(tmp_path / "data", [_shape("rectangle", [[4, 4], [30, 30]])])
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(data / "a.png")  # the masks of this pair are what is bright
    before = (data / "a.json").read_bytes()
    found = outline(data, "SAM-B", sam_guest(tmp_path))
    assert (found.outlined, found.files, len(found.left)) == (0, 0, 1) and "finds nothing" in found.left[0]
    assert (data / "a.json").read_bytes() == before and not list(data.glob("*.bak"))


def test_an_image_of_another_size_is_left_alone(tmp_path):
    data = _dataset(tmp_path / "data", [_shape("rectangle", [[10, 5], [40, 40]])], size=(128, 96))
    before = (data / "a.json").read_bytes()
    found = outline(data, "SAM-tiny", promptable_weights("SAM-tiny"))
    assert found.outlined == 0 and "differs from the labelled one" in found.left[0]
    assert (data / "a.json").read_bytes() == before


def test_refusals(tmp_path):
    with pytest.raises(DatasetError, match="there is no such folder"):
        outline(tmp_path / "absent", "SAM-B", None)  # before anything is downloaded
    data = _dataset(tmp_path / "data", [KEPT])
    with pytest.raises(UsageError, match="no rectangle or point"):
        outline(data, "SAM-tiny", promptable_weights("SAM-tiny"))
    with pytest.raises(UsageError, match="takes texts"):
        outline(data, "LSeg-tiny", promptable_weights("LSeg-tiny"))
