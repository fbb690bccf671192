"""Palette PNGs of label maps: equal when read again by OpenCV and Pillow, whatever they hold."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from segcli.data.label_png import encode_label_png
from segcli.data.palette import png_palette


@pytest.mark.parametrize("height, width", [(1, 1), (1, 300), (300, 1), (37, 53)])
@pytest.mark.parametrize("kind", ["one class", "noise", "blocks"])
def test_ids_and_colours_are_read_again(height: int, width: int, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (height, width), np.uint8)
    labels = {"one class": noise * 0 + 255, "noise": noise, "blocks": noise // 90}[kind]
    content = encode_label_png(labels, png_palette(19))
    with Image.open(io.BytesIO(content)) as image:
        image.verify()
    with Image.open(io.BytesIO(content)) as image:
        assert image.mode == "P"
        assert image.getpalette() == png_palette(19)
        np.testing.assert_array_equal(np.asarray(image), labels)
    colours = np.array(png_palette(19), np.uint8).reshape(-1, 3)[labels]
    read = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(read[..., ::-1], colours)


def test_integers_of_any_type_and_any_layout() -> None:
    labels = np.arange(12, dtype=np.int32).reshape(3, 4)
    for given in (labels, labels.T, labels[::-1, ::2]):
        with Image.open(io.BytesIO(encode_label_png(given, png_palette(12)))) as image:
            np.testing.assert_array_equal(np.asarray(image), given)


def test_label_maps_are_no_larger_than_by_pillow() -> None:
    labels = np.zeros((480, 640), np.uint8)
    for number in range(1, 8):
        cv2.circle(labels, (60 * number, 50 * number), 20 * number, number, -1)
    theirs = io.BytesIO()
    image = Image.fromarray(labels)
    image.putpalette(png_palette(8))
    image.save(theirs, "PNG", compress_level=3)
    assert len(encode_label_png(labels, png_palette(8))) <= len(theirs.getvalue())
