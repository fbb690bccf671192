from __future__ import annotations

import numpy as np
import pytest

from segcli.promptable.sampling import box_of_mask, central_point, error_point, jitter_box, random_point


def rectangle(x1: int, y1: int, x2: int, y2: int, size: tuple[int, int] = (40, 60)) -> np.ndarray:
    mask = np.zeros(size, np.bool_)
    mask[y1:y2, x1:x2] = True
    return mask


def test_box_of_mask() -> None:
    assert box_of_mask(rectangle(3, 5, 20, 9)).tolist() == [3, 5, 20, 9]
    with pytest.raises(ValueError, match="no box"):
        box_of_mask(np.zeros((4, 4), np.bool_))


def test_jitter_has_the_papers_spread_and_limits() -> None:
    generator = np.random.default_rng(0)
    boxes = np.stack([jitter_box(np.array([200, 200, 300, 240]), generator, 1000, 1000) for _ in range(4000)])
    noise = boxes - [200, 200, 300, 240]

    assert noise.std(axis=0) == pytest.approx([9.7, 4, 9.7, 4], rel=0.06)  # 10, cut at two deviations' 20, is 9.6
    assert np.abs(noise).max() <= 20
    assert np.abs(noise.mean(axis=0)).max() < 0.6


def test_jitter_stays_inside_and_never_closes() -> None:
    generator = np.random.default_rng(0)
    for _ in range(500):
        x1, y1, x2, y2 = jitter_box(np.array([0, 0, 2, 2]), generator, 3, 3, share=5.0)
        assert 0 <= x1 < x2 <= 3
        assert 0 <= y1 < y2 <= 3
        assert min(x2 - x1, y2 - y1) >= 1


def test_random_point_lies_in_the_region_and_reaches_all_of_it() -> None:
    region = rectangle(3, 5, 6, 7)
    generator = np.random.default_rng(0)
    points = {random_point(region, generator) for _ in range(200)}

    assert points == {(x, y) for x in (3, 4, 5) for y in (5, 6)}
    assert random_point(np.zeros((3, 3), np.bool_), generator) is None


def test_central_point_counts_the_images_border() -> None:
    assert central_point(rectangle(10, 10, 21, 21)) == (15, 15)
    assert central_point(rectangle(0, 0, 11, 11)) == (5, 5)
    assert central_point(np.zeros((3, 3), np.bool_)) is None


def test_error_point_of_evaluation_is_the_middle_of_the_deepest_error() -> None:
    target = rectangle(10, 10, 31, 21)

    missing = error_point(rectangle(10, 10, 20, 21), target)
    extra = error_point(rectangle(10, 10, 31, 21) | rectangle(40, 2, 59, 21), target)

    assert missing == (25, 15, 1)
    assert extra == (49, 11, 0)
    assert error_point(target, target) is None


def test_error_point_of_training_is_any_wrong_pixel() -> None:
    target, answer = rectangle(10, 10, 20, 20), rectangle(12, 10, 22, 20)
    generator = np.random.default_rng(0)
    clicks = [error_point(answer, target, generator) for _ in range(300)]

    seen = {(x, label) for x, _, label in filter(None, clicks)}
    assert seen == {(10, 1), (11, 1), (20, 0), (21, 0)}
    assert error_point(target, target, generator) is None
