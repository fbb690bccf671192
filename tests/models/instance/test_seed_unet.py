"""The U-Net of centres: from maps to objects, and what it learns where there are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest

from segcli.engines.paddledet.seed_targets import SeedTargets
from segcli.models.instance.seed_maps import SeedMaps, pixel_places
from segcli.models.instance.seed_unet import SeedUNet

SIDE = 48
BOXES = {0: [(4, 6, 20, 18), (24, 6, 40, 18)], 1: [(6, 8, 12, 14)]}
"""Left, top, right, bottom of the objects of each class; that of class 1 lies in one of class 0."""


def perfect_maps() -> SeedMaps:
    """What a network that is always right would say."""
    centre = np.full((1, 2, SIDE, SIDE), -9.0, np.float32)
    inside = np.full((1, 2, SIDE, SIDE), -9.0, np.float32)
    points = np.repeat(pixel_places(SIDE, SIDE).numpy()[None, None], 2, axis=1)
    place = points[0, 0].copy()
    for label, boxes in BOXES.items():
        for x0, y0, x1, y1 in boxes:
            y, x = (y0 + y1) // 2, (x0 + x1) // 2
            centre[0, label, y, x] = 4.0
            centre[0, label, y, x + 2] = 3.0  # a second peak of the same object
            inside[0, label, y0:y1, x0:x1] = 9.0
            points[0, label, :, y0:y1, x0:x1] = place[:, y, x][:, None, None]
    reach = np.full((1, 2, SIDE, SIDE), -1.0, np.float32)
    return SeedMaps(*(paddle.to_tensor(value) for value in (centre, inside, points, reach)))


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Any:
    built = SeedUNet(num_classes=2, channels=(4, 8, 8))
    built.eval()
    monkeypatch.setattr(built, "seed_maps", lambda _images: perfect_maps())
    return built


def inputs(scale: float) -> dict[str, Any]:
    return {
        "image": paddle.zeros([1, 3, SIDE, SIDE]),
        "im_shape": paddle.full([1, 2], float(SIDE)),
        "scale_factor": paddle.full([1, 2], scale),
    }


def test_peaks_become_objects_in_pixels_of_the_original(network: Any) -> None:
    found = network(inputs(0.5))
    rows, masks = found["bbox"].numpy(), found["mask"].numpy()
    kept = rows[:, 0] >= 0

    assert found["bbox_num"].tolist() == [len(rows)]
    assert sorted(rows[kept, 0]) == [0, 0, 1]
    assert (rows[~kept, 1] == 0).all()
    expected = sorted((label, *(2 * side for side in box)) for label, boxes in BOXES.items() for box in boxes)
    assert sorted((int(row[0]), *(round(float(side)) for side in row[2:])) for row in rows[kept]) == expected
    for row, mask in zip(rows[kept], masks[kept], strict=True):
        x0, y0, x1, y1 = (int(side) for side in row[2:])
        assert mask.shape == (2 * SIDE, 2 * SIDE)
        assert mask[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2].all()
        assert mask.sum() <= (y1 - y0 + 4) * (x1 - x0 + 4)


def test_images_without_objects_teach() -> None:
    paddle.seed(0)
    network = SeedUNet(num_classes=2, channels=(4, 8, 8))
    sample = {"image": np.zeros((3, SIDE, SIDE), np.float32), "gt_segm": np.zeros((0, SIDE, SIDE), np.uint8)}
    targets = SeedTargets(num_classes=2)([{**sample, "gt_class": np.zeros((0, 1), np.int32)}] * 2)
    batch = {name: paddle.to_tensor(np.stack([one[name] for one in targets])) for name in targets[0]}

    losses = network(batch)
    losses["loss"].backward()

    assert float(losses["loss_mask"]) == float(losses["loss_point"]) == 0
    assert float(losses["loss"]) > 0
    assert float(network.maps.bias.grad.abs().sum()) > 0
