"""Objects drawn over an image."""

from __future__ import annotations

import numpy as np

from segcli.data.classes import ClassMap
from segcli.data.palette import object_palette
from segcli.data.rle import encode
from segcli.data.traced_mask import TracedMask
from segcli.report.objects import DrawnObject, draw_objects


def test_names_of_boxes_that_lie_on_each_other_are_both_there():
    image = np.full((120, 200, 3), 90, np.uint8)
    mask = np.zeros((120, 200), np.uint8)
    mask[40:80, 60:140] = 1
    ink = object_palette(2)
    boxes = [(60.0, 40.0, 140.0, 80.0), (62.0, 42.0, 138.0, 78.0)]
    names = ["first name", "other name"]
    drawn = draw_objects(
        image,
        [
            DrawnObject(TracedMask(encode(mask)), box, k, name)
            for k, (box, name) in enumerate(zip(boxes, names, strict=True))
        ],
        ClassMap(("a", "b")),
    )
    outside = drawn[:120].copy()
    outside[38:83, 58:143] = 0
    for colour in ink:  # a tag of each colour lies outside the boxes
        assert int((outside == colour).all(axis=-1).sum()) > 300


def test_a_name_stays_in_the_image():
    image = np.zeros((60, 100, 3), np.uint8)
    mask = np.zeros((60, 100), np.uint8)
    mask[:, 60:] = 1
    drawn = draw_objects(
        image,
        [DrawnObject(TracedMask(encode(mask)), (60.0, 0.0, 100.0, 60.0), 0, "cell 0.9")],
        ClassMap(("a",)),
        alpha=0.0,
    )
    colour = object_palette(1)[0]
    assert int((drawn[1:14, 62:98] == colour).all(axis=-1).sum()) > 100


def test_large_and_small_objects_have_their_colour():
    """Rim in full, inside as one part of the colour and the rest of the image; areas of both kinds are filled anew."""
    image = np.full((200, 200, 3), 100, np.uint8)
    mask = np.zeros((200, 200), np.uint8)
    objects = []
    for left, side in ((10, 20), (50, 120)):
        one = mask.copy()
        one[left : left + side, left : left + side] = 1
        objects.append(DrawnObject(TracedMask(encode(one)), (left, left, left + side, left + side), 0, ""))
    drawn = draw_objects(image, objects, ClassMap(("a",)), alpha=0.5, legend=False)
    colour = object_palette(1)[0].astype(int)
    for left, side in ((10, 20), (50, 120)):
        inside = drawn[left + 2 : left + side - 2, left + 2 : left + side - 2].astype(int)
        assert (np.abs(2 * inside - 100 - colour) <= 1).all()
        assert (drawn[left, left : left + side] == colour).all()
    assert (drawn[:9] == 100).all()


def test_the_same_name_is_written_alike_everywhere():
    image = np.zeros((100, 300, 3), np.uint8)
    objects = []
    for left in (10, 110, 210):
        mask = np.zeros((100, 300), np.uint8)
        mask[30:80, left : left + 80] = 1
        objects.append(DrawnObject(TracedMask(encode(mask)), (left, 30, left + 80, 80), 0, "cell"))
    drawn = draw_objects(image, objects, ClassMap(("a",)), legend=False)
    tags = [drawn[15:30, left : left + 80] for left in (10, 110, 210)]
    assert len(np.unique(tags[0].reshape(-1, 3), axis=0)) > 3  # letters on a colour
    assert (tags[0] == tags[1]).all() and (tags[0] == tags[2]).all()
