"""Shapes drawn on the image at another size, or before it was turned, lie on their objects after the conversion."""

from __future__ import annotations

import base64
import json

import cv2
import numpy as np
import pytest
from PIL import Image

from segcli.data.image import read_mask, upright
from segcli.errors import DatasetError
from segcli.steps.convert.command import convert_dataset
from tests.image_files import photo
from tests.labelme_folder import box, convert_config, mask_text, shape, write_labelme

HEIGHT, WIDTH = 60, 80
MASK = np.zeros((9, 13), np.uint8)
MASK[2:, :8] = 1
SHAPES = [
    box("cat", 5, 8, 30, 20),
    shape("cat", (60, 12), (66, 16), kind="circle"),
    shape("cat", (40, 30), (70, 50), kind="rectangle"),
    shape("cat", (10, 40), (22, 48), kind="mask", mask=mask_text(MASK)),
    shape("cat", (4, 30), (30, 34), (38, 55), kind="linestrip"),
]


def labelled(root, shapes, *, orientation=1, size=(WIDTH, HEIGHT), embedded=False, **keys):
    """One sample whose image is 80 x 60 px as stored; returns its mask after the conversion."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    root.mkdir(parents=True)
    Image.fromarray(cv2.resize(photo(HEIGHT, WIDTH), size)).save(root / "a.jpg", exif=exif)
    data = base64.b64encode((root / "a.jpg").read_bytes()).decode() if embedded else None
    write_labelme(
        root, "a", shapes, image=None, **{"imagePath": "a.jpg", "imageHeight": HEIGHT, "imageWidth": WIDTH, **keys}
    )
    if embedded:
        values = json.loads((root / "a.json").read_text())
        (root / "a.json").write_text(json.dumps({**values, "imageData": data}))
        (root / "a.jpg").unlink()
    report = convert_dataset(convert_config(root))
    return read_mask(root / "annotations" / "a.png"), [found.code for found in report.findings]


def overlap(one, other):
    return np.count_nonzero(one & other) / np.count_nonzero(one | other)


@pytest.mark.parametrize("embedded", [False, True])
@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_shapes_are_turned_with_the_image(tmp_path, orientation, embedded):
    plain, codes = labelled(tmp_path / "plain", SHAPES)
    assert codes == []
    turned, codes = labelled(tmp_path / "turned", SHAPES, orientation=orientation, embedded=embedded)
    assert codes == ["L208"]
    assert turned.shape == (WIDTH, HEIGHT)
    assert overlap(turned, upright(plain, orientation)) > 0.94


@pytest.mark.parametrize("factor", [0.5, 2, 1.7])
def test_shapes_are_scaled_to_the_image(tmp_path, factor):
    plain, _ = labelled(tmp_path / "plain", SHAPES[:4])
    size = (round(WIDTH * factor), round(HEIGHT * factor))
    scaled, codes = labelled(tmp_path / "scaled", SHAPES[:4], size=size)
    assert codes == ["L207"]
    assert overlap(scaled, cv2.resize(plain, size, interpolation=cv2.INTER_NEAREST)) > 0.85


def test_an_image_may_have_been_turned_and_made_smaller(tmp_path):
    plain, _ = labelled(tmp_path / "plain", SHAPES[:4])
    both, codes = labelled(tmp_path / "both", SHAPES[:4], orientation=6, size=(40, 30))
    assert sorted(codes) == ["L207", "L208"]
    expected = cv2.resize(upright(plain, 6), (30, 40), interpolation=cv2.INTER_NEAREST)
    assert overlap(both, expected) > 0.75


def test_shapes_drawn_on_the_upright_image_stay(tmp_path):
    mask, codes = labelled(tmp_path / "a", [box("cat", 5, 8, 30, 20)], orientation=6, imageHeight=80, imageWidth=60)
    assert codes == []
    assert mask[8:20, 5:30].all()


@pytest.mark.parametrize("size", [(80, 80), (60, 80), (200, 60), (77, 60)])
def test_another_image_is_an_error_and_nothing_is_written(tmp_path, size):
    root = tmp_path / "a"
    with pytest.raises(DatasetError) as caught:
        labelled(root, SHAPES, size=size)
    assert [fault.code for fault in caught.value.findings] == ["L205"]
    assert sorted(path.name for path in root.iterdir() if path.name != ".segcli") == ["a.jpg", "a.json"]
