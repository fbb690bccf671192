"""Masks that were resized with smoothing are told from clean ones and from thin classes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from segcli.data.id_counts import count_ids, present_ids
from segcli.steps.check.semantic import examine_seg_dataset
from segcli.steps.check.settings import PassSettings
from segcli.steps.check.smears import Smear, smear_of
from tests.seg_folder import make_seg_folder


def painted(seed: int = 0, ids: int = 3, side: int = 90) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mask = np.zeros((side, side), np.uint8)
    for number in range(8):
        centre = tuple(int(value) for value in rng.integers(8, side - 8, 2))
        cv2.circle(mask, centre, int(rng.integers(6, 16)), 1 + number % (ids - 1), -1)
    return mask


def smoothed(mask: np.ndarray, factor: int) -> np.ndarray:
    return cv2.resize(mask, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)


@pytest.mark.parametrize(
    "height, width, expected", [(1, 5, Smear(2, 1)), (2, 3, Smear(0, 1)), (3, 1, Smear(0, 0)), (4, 1, Smear(0, 0))]
)
def test_masks_of_few_rows_have_edges_too(height, width, expected):
    mask = (np.arange(height * width) % 4).astype(np.uint8).reshape(height, width)
    assert smear_of(mask, bytes([0, 1, 2, 3])) == expected


@pytest.mark.parametrize("ids", [3, 4, 6])
@pytest.mark.parametrize("factor", [3, 5, 8])
def test_smoothed_edges_are_ramps(ids, factor):
    mask = smoothed(painted(ids=ids), factor)
    smear = smear_of(mask, present_ids(count_ids(mask))[0])
    assert smear is not None and smear.ramps > 3 * smear.jumps


@pytest.mark.parametrize("ids", [3, 4, 6])
def test_clean_edges_are_jumps(ids):
    mask = cv2.resize(painted(ids=ids), None, fx=5, fy=5, interpolation=cv2.INTER_NEAREST)
    smear = smear_of(mask, present_ids(count_ids(mask))[0])
    assert smear is not None and smear.jumps > 3 * smear.ramps


def test_two_ids_and_ignored_pixels_say_nothing():
    mask = painted(ids=2)
    mask[:, 40] = 255
    assert smear_of(mask, present_ids(count_ids(mask))[0]) is None


@pytest.mark.parametrize("is_smooth", [True, False])
def test_a_dataset_of_three_ids_that_was_smoothed_is_refused(tmp_path, is_smooth):
    folder = make_seg_folder(tmp_path / "data")
    way = cv2.INTER_LINEAR if is_smooth else cv2.INTER_NEAREST
    for number in range(5):
        small = cv2.resize(painted(number), (16, 12), interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(folder.mask(f"a{number}")), cv2.resize(small, (64, 48), interpolation=way))
    codes = {found.code for found in examine_seg_dataset(folder.root, settings=PassSettings(workers=1)).findings}
    assert ("S307" in codes) is is_smooth
