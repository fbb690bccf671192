"""Areas, boxes and crossings of polygons."""

from __future__ import annotations

import numpy as np
import pytest

from segcli.data import polygons

SQUARE = [0, 0, 10, 0, 10, 10, 0, 10]


def crossing(ring):
    return polygons.self_crossings(polygons.Sides.of([ring])).get(0)


def flat(points) -> list[float]:
    return np.asarray(points, float).ravel().tolist()


def crosses_brute(points) -> bool:
    """Every pair of sides, by solving for the point where they meet."""
    n = len(points)
    for i in range(n):
        for j in range(i + 1, n):
            a, b, c, d = points[i], points[(i + 1) % n], points[j], points[(j + 1) % n]
            matrix = np.array([b - a, c - d]).T
            if abs(np.linalg.det(matrix)) < 1e-12:
                continue
            s, t = np.linalg.solve(matrix, c - a)
            if 1e-9 < s < 1 - 1e-9 and 1e-9 < t < 1 - 1e-9:
                return True
    return False


def test_area_and_box():
    assert polygons.ring_area(SQUARE) == 100
    assert polygons.ring_area(SQUARE[::-1]) == 100
    assert polygons.polygons_area([SQUARE, [20, 20, 24, 20, 20, 23]]) == 106
    assert polygons.polygons_box([SQUARE, [20, 20, 24, 20, 20, 23]]) == (0, 0, 24, 23)


def test_names_the_point_where_sides_cross():
    assert crossing([0, 0, 10, 10, 10, 0, 0, 10]) == (5, 5)


@pytest.mark.parametrize(
    "ring",
    [
        SQUARE,
        [0, 0, 10, 0, 5, 5],
        [0, 0, 10, 0, 10, 0, 10, 10, 0, 10, 0, 0],
        # two squares that touch at a corner
        [0, 0, 5, 0, 5, 5, 10, 5, 10, 10, 5, 10, 5, 5, 0, 5],
        # a hole joined to the outline by a slit that is run along twice
        [0, 0, 9, 0, 9, 9, 0, 9, 0, 3.3, 3, 3.3, 3, 6, 6, 6, 6, 3.3, 3, 3.3, 0, 3.3],
    ],
    ids=["square", "triangle", "repeated corners", "touching", "slit"],
)
def test_touching_is_not_crossing(ring):
    assert crossing(ring) is None


def test_agrees_with_brute_force():
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(300):
        points = rng.integers(0, 30, (int(rng.integers(3, 9)), 2)).astype(float)
        points = points[(points != np.roll(points, -1, axis=0)).any(axis=1)]
        expected = crosses_brute(points)
        found += expected
        assert (crossing(flat(points)) is not None) == expected, points.tolist()
    assert 50 < found < 250


def test_long_polygons_are_tested_in_parts(monkeypatch):
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1) * 100
    monkeypatch.setattr(polygons, "_PAIRS_AT_ONCE", 3000)
    assert crossing(flat(points)) is None
    points[[390, 391]] = points[[391, 390]]
    assert crossing(flat(points)) is not None


def test_tells_which_polygons_cross_themselves():
    bow = [0, 0, 10, 10, 10, 0, 0, 10]
    sides = polygons.Sides.of([SQUARE, bow, [1, 1, 9, 1, 5, 5], bow])
    assert polygons.self_crossings(sides) == {1: (5, 5), 3: (5, 5)}
    assert sides.areas().tolist() == [100, 0, 16, 0]
    nothing = polygons.Sides.of([])
    assert polygons.self_crossings(nothing) == {}
    assert nothing.areas().size == 0


def test_many_polygons_may_cross_as_each_one_does():
    rng = np.random.default_rng(1)
    rings = [flat(rng.integers(0, 30, (int(rng.integers(3, 9)), 2))) for _ in range(300)]
    expected = [crossing(ring) is not None for ring in rings]
    assert 50 < sum(expected) < 290
    assert polygons.may_cross(polygons.Sides.of(rings)).tolist() == expected


def test_sides_that_only_touch_are_not_tested_for_a_crossing(monkeypatch: pytest.MonkeyPatch):
    rising = [value for x in range(50) for value in (x, x * x)]  # each side begins where another ends
    sides = polygons.Sides.of([[*rising, 0, 49 * 49]])
    pairs = []
    seen_from = polygons.Sides.seen_from
    monkeypatch.setattr(
        polygons.Sides, "seen_from", lambda self, line, side: (pairs.append(len(line)), seen_from(self, line, side))[1]
    )
    assert not polygons.may_cross(sides).any()
    assert sum(pairs) == 1  # the first side and the last one lie beside each other


def test_all_polygons_may_cross_where_the_test_would_take_long(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(polygons, "_PAIRS_AT_ONCE", 1)
    assert polygons.may_cross(polygons.Sides.of([SQUARE, SQUARE])).tolist() == [True, True]


def test_boxes_are_around_all_polygons_of_their_owner():
    sides = polygons.Sides.of([SQUARE, [20, 20, 24, 20, 20, 23], [-3, 5, 1, 5, 1, 7.5]])
    boxes = sides.boxes(np.array([0, 0, 2]), 3)
    assert boxes[[0, 2]].tolist() == [[0, 0, 24, 23], [-3, 5, 4, 2.5]]
    assert not np.isfinite(boxes[1]).any()
    assert polygons.Sides.of([[], SQUARE]).boxes(np.array([0, 1]), 2)[1].tolist() == [0, 0, 10, 10]
    assert not np.isfinite(polygons.Sides.of([]).boxes(np.zeros(0, np.intp), 1)).any()


def test_the_place_of_a_crossing_does_not_depend_on_other_polygons():
    for ring in np.random.default_rng(2).uniform(0, 700, (20, 60)).tolist():
        copies = polygons.self_crossings(polygons.Sides.of([ring] * 30))
        assert len(copies) == 30
        assert set(copies.values()) == {crossing(ring)}
