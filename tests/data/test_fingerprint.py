from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from segcli.data.fingerprint.images import evenly, numbers_of
from segcli.data.fingerprint.labels import Fingerprint, fingerprint_of_masks, fingerprint_of_objects
from segcli.data.fingerprint.outside import differences
from segcli.data.fingerprint.suggestions import anchors, crop_side, image_size, suggestions
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


def test_classes_count_alike_in_the_sizes_of_objects(tmp_path: Path) -> None:
    root = write_masks(tmp_path / "data", sky=False)
    crowd = np.zeros((40, 60), np.uint8)
    for left in range(0, 40, 5):
        crowd[30:34, left : left + 4] = 1
    crowd[:20] = 2
    cv2.imwrite(str(root / "annotations" / "train.png"), crowd)

    found = fingerprint_of_masks(open_seg_dataset(root))

    assert found.object_px == pytest.approx((4, (20 * 60 - 8 * 16) ** 0.5, (20 * 60) ** 0.5))


def test_objects_in_numbers(tmp_path: Path) -> None:
    folder = make_coco_folder(tmp_path / "data", train=4, val=2)
    dataset = open_instance_dataset(folder.root)
    areas = [one.area_px**0.5 for sample in dataset.train for one in sample.objects]

    found = fingerprint_of_objects(dataset)

    assert (found.train_images, found.val_images, found.width_px, found.height_px) == (4, 2, WIDTH, HEIGHT)
    assert min(areas) <= found.object_px[0] <= found.object_px[1] <= found.object_px[2] <= max(areas)
    assert sum(found.class_shares) == pytest.approx(1)
    assert found.as_dict()["most_objects"] == max(len(sample.objects) for sample in dataset.train)


def learnt(tmp_path: Path, images: list[np.ndarray]) -> dict:
    paths = []
    for number, rgb in enumerate(images):
        paths.append(tmp_path / f"{number}.png")
        cv2.imwrite(str(paths[-1]), rgb[..., ::-1])
    return numbers_of([*paths, tmp_path / "absent.png"]).as_dict()


def test_images_far_from_the_learnt_ones_are_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    known = [rng.integers(60, 200, (60, 80, 3)).astype(np.uint8) for _ in range(4)]
    numbers = learnt(tmp_path, known)
    assert numbers["count"] == 4
    assert numbers["channel_mean"] == pytest.approx(np.mean(known, axis=(0, 1, 2)), abs=0.1)
    assert not list(differences(rng.integers(50, 210, (70, 90, 3)).astype(np.uint8), numbers))
    dark = list(differences(np.full((60, 80, 3), 3, np.uint8), numbers))
    assert [text.split()[0] for text in dark] == ["brightness", "contrast"]
    huge = list(differences(rng.integers(60, 200, (300, 400, 3)).astype(np.uint8), numbers))
    assert huge == ["width 400 px, learnt from 80 to 80", "height 300 px, learnt from 60 to 60"]
    assert not list(differences(known[0], {})), "a card of an older version says nothing"


def test_suggestions_follow_the_objects() -> None:
    data = Fingerprint(
        train_images=10, val_images=2, empty_images=0, width_px=2000, height_px=1000, class_names=("a",),
        class_shares=(1.0,), object_px=(56.0, 80.0, 100.0), objects_per_image=3, most_objects=5, upright=0,
    )  # fmt: skip
    # small objects of 56 px may shrink to 14 px, a quarter
    assert image_size(data) == (480, 224)
    assert crop_side(data) == 288
    boxes = [(10.0, 20.0)] * 5 + [(11.0, 21.0)] * 3 + [(40.0, 40.0)] * 6 + [(0.0, 4.0)]
    assert anchors(boxes, 2) == [(10.0, 20.0), (40.0, 40.0)]
    assert suggestions(data, boxes)["anchors_px"][0] == [pytest.approx(2.4, abs=0.3), pytest.approx(4.8, abs=0.3)]
    assert "anchors_px" not in suggestions(data)
    assert anchors([]) == []


@pytest.mark.parametrize(("items", "most"), [(1035, 1000), (527, 200), (68, 7), (61, 7), (5, 7), (0, 7)])
def test_as_many_as_wanted_are_chosen_evenly(items: int, most: int) -> None:
    chosen = evenly(range(items), most)
    assert len(chosen) == min(items, most)
    steps = np.diff(chosen)
    assert (items == 0 or chosen[0] == 0) and (not len(steps) or steps.max() - steps.min() <= 1)
