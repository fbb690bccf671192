from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from segcli.data.fingerprint import fingerprint_of_masks, fingerprint_of_objects
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.formats.masks import open_seg_dataset
from tests.coco_folder import HEIGHT, WIDTH, make_coco_folder


def write_masks(root: Path, *, sky: bool) -> Path:
    """Two images with one square of 10 px each; with `sky` the upper half is a class of its own."""
    for folder in ("images", "annotations"):
        (root / folder).mkdir(parents=True)
    mask = np.zeros((40, 60), np.uint8)
    if sky:
        mask[:20] = 2
    mask[25:35, 20:30] = 1
    for part in ("train", "val"):
        cv2.imwrite(str(root / "images" / f"{part}.png"), np.zeros((40, 60, 3), np.uint8))
        cv2.imwrite(str(root / "annotations" / f"{part}.png"), mask)
        (root / f"{part}.txt").write_text(f"images/{part}.png annotations/{part}.png\n")
    (root / "class_name.txt").write_text("ground\nthing\nsky\n")
    return root


def test_masks_in_numbers(tmp_path: Path) -> None:
    found = fingerprint_of_masks(open_seg_dataset(write_masks(tmp_path / "data", sky=False)))

    assert (found.train_images, found.val_images, found.width_px, found.height_px) == (1, 1, 60, 40)
    assert found.class_shares == pytest.approx((1 - 100 / 2400, 100 / 2400, 0))
    assert found.object_px[0] == pytest.approx(10, rel=2)
    assert (found.objects_per_image, found.empty_images) == (2, 0)
    assert found.upright < 0.1


def test_a_sky_makes_data_upright(tmp_path: Path) -> None:
    found = fingerprint_of_masks(open_seg_dataset(write_masks(tmp_path / "data", sky=True)))

    assert found.upright > 0.9


def test_objects_in_numbers(tmp_path: Path) -> None:
    folder = make_coco_folder(tmp_path / "data", train=4, val=2)
    dataset = open_instance_dataset(folder.root)
    areas = [one.area_px**0.5 for sample in dataset.train for one in sample.objects]

    found = fingerprint_of_objects(dataset)

    assert (found.train_images, found.val_images, found.width_px, found.height_px) == (4, 2, WIDTH, HEIGHT)
    assert found.object_px == pytest.approx(np.percentile(areas, (25, 50, 75)))
    assert sum(found.class_shares) == pytest.approx(1)
    assert found.as_dict()["most_objects"] == max(len(sample.objects) for sample in dataset.train)
