"""Shapes are painted pixel by pixel as LabelMe paints them."""

from __future__ import annotations

import io
import math
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from segcli.data.formats.labelme import Shape
from segcli.data.formats.labelme_objects import ShapePainter
from segcli.data.formats.labelme_shapes import LabelCanvas

HEIGHT, WIDTH = 40, 60
YS, XS = np.mgrid[:HEIGHT, :WIDTH]


def paint(kind, *points, value=1, mask=None, line_width=5, point_size=5):
    canvas = LabelCanvas(HEIGHT, WIDTH, line_width=line_width, point_size=point_size)
    canvas.paint(Shape(0, "a", kind, points, mask=mask), value)
    return canvas.labels()


def disc(x, y, radius):
    return (XS - x) ** 2 + (YS - y) ** 2 <= radius**2


def is_between(painted, inner, outer):
    return bool((inner <= (painted > 0)).all() and ((painted > 0) <= outer).all())


def png(mask, mode="1"):
    buffer = io.BytesIO()
    Image.fromarray(mask).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


def test_polygon_and_rectangle_hold_their_border():
    inside = (XS >= 10) & (XS <= 30) & (YS >= 5) & (YS <= 25)
    corners = ((10, 5), (30, 5), (30, 25), (10, 25))
    assert np.array_equal(paint("polygon", *corners, value=7), inside * 7)
    for first, second in (((10, 5), (30, 25)), ((30, 5), (10, 25)), ((30, 25), (10, 5))):
        assert np.array_equal(paint("rectangle", first, second), inside)


def test_circle_by_centre_and_a_point_of_the_edge():
    painted = paint("circle", (30.0, 20.0), (30.0 + 9 * math.cos(1), 20.0 + 9 * math.sin(1)))
    assert is_between(painted, disc(30, 20, 7.5), disc(30, 20, 11))
    assert not paint("circle", (5, 6), (5, 6)).any()


def test_points_have_a_radius():
    painted = paint("point", (10, 10), (40, 20), point_size=4)
    assert is_between(painted, disc(10, 10, 3) | disc(40, 20, 3), disc(10, 10, 5) | disc(40, 20, 5))


@pytest.mark.parametrize("kind", ["line", "linestrip"])
def test_lines_have_a_width_and_are_not_filled(kind):
    assert np.array_equal(np.flatnonzero(paint("line", (10, 20), (50, 20), line_width=3)[:, 30]), [19, 20, 21])
    strip = paint(kind, (10, 10), (50, 10), (50, 30), line_width=1)
    expected = ((YS == 10) & (XS >= 10) & (XS <= 50)) | ((XS == 50) & (YS >= 10) & (YS <= 30))
    assert np.array_equal(strip > 0, expected)


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_a_mask_lies_with_its_corner_at_the_first_point(mode):
    mask = np.array([[255, 0, 255], [0, 255, 0]], np.uint8)
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[7:9, 12:15] = mask // 255 * 3
    assert np.array_equal(paint("mask", (12, 7), (14, 8), value=3, mask=png(mask, mode)), expected)


def test_masks_of_ones_and_over_the_border():
    mask = np.ones((4, 4), np.uint8)
    painted = paint("mask", (-2, HEIGHT - 2), mask=png(mask, "L"))
    assert np.argwhere(painted).tolist() == [[38, 0], [38, 1], [39, 0], [39, 1]]


def test_later_shapes_cover_earlier_ones():
    canvas = LabelCanvas(HEIGHT, WIDTH)
    canvas.paint(Shape(0, "a", "rectangle", ((0, 0), (20, 20))), 1)
    canvas.paint(Shape(1, "b", "rectangle", ((10, 10), (30, 30))), 255)
    canvas.paint(Shape(2, "_background_", "rectangle", ((12, 12), (14, 14))), 0)
    labels = canvas.labels()
    assert (labels[5, 5], labels[11, 11], labels[13, 13], labels[25, 25]) == (1, 255, 0, 255)


def random_shapes(count):
    rng = np.random.default_rng(3)
    for _ in range(count):
        kind = str(rng.choice(["polygon", "rectangle", "circle", "line", "linestrip", "point", "mask"]))
        points = rng.uniform([-20, -20], [WIDTH + 20, HEIGHT + 20], (int(rng.integers(3, 8)), 2))
        mask = png(rng.integers(0, 2, (9, 7), np.uint8) * 255)
        count = {"rectangle": 2, "circle": 2, "line": 2, "mask": 1}.get(kind)
        yield Shape(0, "a", kind, tuple(map(tuple, points[:count].tolist())), mask=mask)


def test_one_shape_alone_has_the_same_pixels_as_on_the_canvas():
    seen = set()
    canvas = LabelCanvas(HEIGHT, WIDTH)
    for drawn in random_shapes(400):
        whole = paint(drawn.kind, *drawn.points, mask=drawn.mask)
        canvas.paint(drawn, 1)
        crop = canvas.take()
        placed = np.zeros_like(whole)
        if crop is not None:
            pixels, x, y = crop
            placed[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
            assert pixels[0].any() and pixels[-1].any() and pixels[:, 0].any() and pixels[:, -1].any()
            seen.add(drawn.kind)
        assert np.array_equal(whole, placed), drawn
    assert len(seen) == 7


def test_a_group_of_many_shapes_needs_no_frame_each():
    """Rings within rings, side by side, on 6 Mpx: a frame of the whole group for each shape would take a gigabyte."""
    shapes = [
        Shape(number, "a", "rectangle", ((x + inset, y + inset), (x + 40 - inset, y + 40 - inset)))
        for number, (x, y, inset) in enumerate(
            (x, y, inset) for x in range(0, 2900, 200) for y in range(0, 1900, 200) for inset in (0, 5, 10)
        )
    ]

    tracemalloc.start()
    crop = ShapePainter(5, 5).crop(shapes, 2000, 3000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert crop is not None
    assert crop[0][:41, :41].sum() == 41**2 - 31**2 + 21**2
    assert np.count_nonzero(crop[0]) == len(shapes) // 3 * (41**2 - 31**2 + 21**2)
    assert peak < 100 << 20
