"""Crops on classes, and images of rare classes drawn more often."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from segcli.config.load import from_values
from segcli.data.rare import MOST_REPEATS, repeat_factors, repeated
from segcli.engines.paddledet.engine import PaddleDetEngine
from segcli.engines.paddleseg.engine import PaddleSegEngine
from segcli.errors import ConfigError
from segcli.models.table import get_spec
from tests.coco_folder import make_coco_folder


@pytest.fixture(scope="module")
def speck(tmp_path_factory):
    """Large images of one class with a speck of another; a third is in one image of eight."""
    root = tmp_path_factory.mktemp("speck")
    rng = np.random.default_rng(0)
    for folder in ("images", "annotations"):
        (root / folder).mkdir()
    names = []
    for number in range(9):
        mask = np.zeros((256, 256), np.uint8)
        y, x = rng.integers(0, 250, 2)
        mask[y : y + 5, x : x + 5] = 1
        if number == 0:
            mask[100:140, 100:140] = 2
        mask[:4] = 255
        cv2.imwrite(str(root / f"images/{number}.png"), np.repeat(mask[..., None] * 100, 3, axis=2))
        cv2.imwrite(str(root / f"annotations/{number}.png"), mask)
        names.append(f"images/{number}.png annotations/{number}.png\n")
    (root / "train.txt").write_text("".join(names[:8]))
    (root / "val.txt").write_text(names[8])
    (root / "class_name_to_id.txt").write_text("0: ground\n1: speck\n2: block\n")
    return root


def session(root, **settings):
    values = {f"Train.{key}": value for key, value in settings.items()}
    given = {"Global.model": "PP-LiteSeg-T", "Global.mode": "train", "Global.dataset_dir": str(root)}
    config = from_values({**given, "Train.crop_size": [64, 64], **values}).config
    return PaddleSegEngine().open_training(get_spec(config.Global.model), config)


def shown(opened, class_id: int, positions: int = 60) -> float:
    """Share of the crops that show a class."""
    return float(np.mean([(opened.stream[position]["label"] == class_id).any() for position in range(positions)]))


def test_crops_laid_on_classes_show_the_rare_ones(speck):
    anywhere, focused = session(speck), session(speck, crop_focus=0.5)
    assert shown(anywhere, 1) < 0.25
    assert shown(focused, 1) > shown(anywhere, 1) + 0.1
    again = session(speck, crop_focus=0.5)
    assert all(np.array_equal(focused.stream[d]["label"], again.stream[d]["label"]) for d in range(8))
    augmented = session(speck, crop_focus=1.0, **{"augment.photometric": 0.3})
    assert shown(augmented, 1, 30) > 0.3


def test_a_focus_needs_a_crop(speck):
    with pytest.raises(ConfigError, match="crop_focus"):
        session(speck, crop_focus=0.3, transforms=[{"type": "Resize", "target_size": [64, 64]}, {"type": "Normalize"}])


def test_images_of_rare_classes_come_more_often(speck):
    uniform, rare = session(speck), session(speck, sampling="rare")
    count = {path: [rare.stream.path_of(d) for d in range(rare.order.samples)].count(path) for path in _paths(rare)}
    assert uniform.order.samples == 8
    assert {path.rpartition("/")[2]: times for path, times in count.items() if times > 1} == {"0.png": 3}
    assert rare.data == uniform.data


def _paths(opened) -> set[str]:
    return {opened.stream.path_of(position) for position in range(opened.order.samples)}


def test_factors_have_a_limit_and_no_class_is_no_reason():
    assert max(repeat_factors([{0, 1}] * 500 + [{2}])) == MOST_REPEATS
    assert repeat_factors([set(), set()]) == [1.0, 1.0]
    assert repeated("ab", [{0}, {0}], 0) == ["a", "b"]


def test_objects_of_rare_classes_come_more_often(tmp_path):
    folder = make_coco_folder(tmp_path, train=9)
    content = folder.parts["train"]
    dog = [one["id"] for one in content["annotations"] if one["category_id"] == 7]
    content["annotations"] = [one for one in content["annotations"] if one["id"] not in dog[1:]]
    folder.write()
    values = {"Global.model": "SeedUNet-S", "Global.mode": "train", "Global.dataset_dir": str(tmp_path)}
    config = from_values({**values, "Train.sampling": "rare", "Train.input_size": 64}).config
    opened = PaddleDetEngine().open_training(get_spec("SeedUNet-S"), config)
    assert opened.order.samples in (10, 11)
