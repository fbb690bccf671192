"""Transforms of ours in place of PaddleDetection's slow ones: the same outputs, to the last bit."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from segcli.engines.paddledet.importing import import_ppdet
from segcli.engines.paddledet.transforms import GridTargets, MasksOfOutlines, ResizeWithMasks
from tests.metrics.instances import blob

GRIDS = [8, 6, 5, 4, 3]
RANGES = [[1, 24], [12, 40], [24, 64], [40, 96], [64, 256]]


@pytest.fixture(scope="module")
def theirs() -> Any:
    import_ppdet()
    from ppdet.data import transform

    return transform


def sample(seed: int, objects: int, height: int = 240, width: int = 320) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    outlines = [[list(blob(rng, rng.uniform(0, 320), rng.uniform(0, 240), rng.uniform(3, 90)))] for _ in range(objects)]
    xs, ys = (np.array([one[0][axis::2] for one in outlines]) for axis in (0, 1))
    boxes = np.stack([xs.min(1), ys.min(1), xs.max(1), ys.max(1)], axis=1).astype(np.float32)
    return {
        "image": rng.integers(0, 256, (height, width, 3)).astype(np.uint8),
        "im_shape": np.array([height, width], np.float32),
        "scale_factor": np.ones(2, np.float32),
        "gt_bbox": boxes,
        "gt_class": rng.integers(0, 5, (objects, 1)).astype(np.int32),
        "is_crowd": np.zeros((objects, 1), np.int32),
        "gt_poly": outlines,
    }


def assert_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        np.testing.assert_array_equal(np.asarray(ours[name]), np.asarray(value), err_msg=name)


@pytest.mark.parametrize("del_poly", [False, True])
def test_masks_of_outlines(del_poly: bool, theirs: Any):
    from pycocotools import mask as coco

    given = sample(0, 5)
    given["gt_poly"][1] = coco.merge(coco.frPyObjects(given["gt_poly"][1], 240, 320))
    given["gt_poly"][2] = {"size": [240, 320], "counts": [100, 50, 240 * 320 - 150]}
    expected = theirs.Poly2Mask(del_poly=del_poly)(copy.deepcopy({**given, "im_shape": np.array([240, 320])}))
    found = MasksOfOutlines(del_poly=del_poly)({**copy.deepcopy(given), "im_shape": np.array([240, 320])})
    np.testing.assert_array_equal(found["gt_segm"], expected["gt_segm"])
    assert found.keys() == expected.keys()


@pytest.mark.parametrize(
    "arguments",
    [
        {"target_size": [200, 333], "keep_ratio": True, "interp": 1},
        {"target_size": [64, 96], "keep_ratio": False, "interp": 2},
        {"target_size": [480, 640], "keep_ratio": False, "interp": 2},
    ],
)
def test_resizing(arguments: dict[str, Any], theirs: Any):
    given = MasksOfOutlines(del_poly=True)(sample(1, 6))
    assert_same(ResizeWithMasks(**arguments)(copy.deepcopy(given)), theirs.Resize(**arguments)(copy.deepcopy(given)))


def test_resizing_without_objects():
    given = MasksOfOutlines(del_poly=True)({**sample(1, 1), "gt_poly": []})
    assert ResizeWithMasks([64, 96], keep_ratio=False)(given)["gt_segm"].shape == (0, 64, 96)


@pytest.mark.parametrize("objects", [(1, 1), (9, 25), (40, 3)])
def test_grid_targets(objects: tuple[int, ...], theirs: Any):
    """Also masks that vanished, objects that only some grids find, and images of one batch with different numbers."""
    batch = []
    for number, count in enumerate(objects):
        one = MasksOfOutlines()(sample(number, count))
        one["image"] = one["image"].transpose(2, 0, 1)
        if count > 5:
            one["gt_segm"][2] = 0
        batch.append(one)
    arguments: dict[str, Any] = {"num_grids": GRIDS, "scale_ranges": RANGES, "coord_sigma": 0.2}
    expected = theirs.Gt2Solov2Target(**arguments)(copy.deepcopy(batch))
    for ours, reference in zip(GridTargets(**arguments)(batch), expected, strict=True):
        assert_same(ours, reference)
