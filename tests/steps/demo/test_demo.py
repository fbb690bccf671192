"""The demo dataset: complete, repeatable, and its shapes lie on what they name."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from segcli.errors import UsageError
from segcli.steps.demo import make_demo


def test_everything_listed_exists(tmp_path):
    report = make_demo(tmp_path / "demo", images=10, size=(128, 96))
    assert (report.train_images, report.val_images) == (8, 2)
    assert set(report.shapes) == {"polygon", "rectangle", "circle"}
    for part, count in (("train", 8), ("val", 2)):
        lines = (tmp_path / "demo" / f"{part}_anno_list.txt").read_text().splitlines()
        assert len(lines) == count
        for line in lines:
            values = json.loads((tmp_path / "demo" / line).read_text())
            image = cv2.imread(str((tmp_path / "demo" / "annotations" / values["imagePath"]).resolve()))
            assert image.shape == (values["imageHeight"], values["imageWidth"], 3) == (96, 128, 3)
    assert (tmp_path / "demo" / "label.txt").read_text().split() == list(report.classes)


def test_a_image_depends_on_seed_and_number_only(tmp_path):
    make_demo(tmp_path / "a", images=5, size=(64, 64), seed=3)
    make_demo(tmp_path / "b", images=6, size=(64, 64), seed=3)
    make_demo(tmp_path / "c", images=5, size=(64, 64), seed=4)
    first = [(tmp_path / name / "images" / "0004.jpg").read_bytes() for name in "abc"]
    assert first[0] == first[1] != first[2]


def test_classes_differ_from_the_ground_they_lie_on(tmp_path):
    """The tile's own colours are saturated and its pattern is strong: its mean spread exceeds the ground's."""
    make_demo(tmp_path / "demo", images=5)
    inside, outside = [], []
    for path in (tmp_path / "demo" / "annotations").glob("*.json"):
        values = json.loads(path.read_text())
        image = cv2.imread(str(tmp_path / "demo" / "images" / f"{path.stem}.jpg"))
        free = np.ones(image.shape[:2], bool)
        for shape in values["shapes"]:
            (x0, y0), (x1, y1) = np.min(shape["points"], axis=0), np.max(shape["points"], axis=0)
            window = np.s_[max(int(y0), 0) : int(y1), max(int(x0), 0) : int(x1)]
            free[window] = False
            if shape["label"] == "tile":
                inside.append(image[window].std())
        outside.append(image[free].std())
    assert np.mean(inside) > 1.2 * np.mean(outside)


def test_a_folder_with_files_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(UsageError, match="not empty"):
        make_demo(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(("images", "size"), [(4, (192, 192)), (10, (32, 192))])
def test_too_small_is_refused(tmp_path, images, size):
    with pytest.raises(UsageError, match="at least"):
        make_demo(tmp_path / "demo", images=images, size=size)
