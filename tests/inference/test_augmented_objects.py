"""Objects of several views are joined by their boxes."""

from __future__ import annotations

import numpy as np
import pytest

from segcli.config.schema import ViewsConfig
from segcli.data import rle
from segcli.data.detections import Detections
from segcli.errors import UsageError
from segcli.inference.augmented_objects import ObjectViews, joined, mirrored
from segcli.models.spec import Preprocess
from tests.metrics.instances import make_images

SIZE = (240, 320)


def found(seed: int, boxes: bool = True) -> Detections:
    _, (detections,) = make_images(1, classes=3, objects=4, found=7, seed=seed)
    return detections if boxes else Detections(detections.scores, detections.classes, detections.masks)


@pytest.mark.parametrize("seed", range(5))
def test_a_mirrored_image_is_mirrored_back(seed):
    one = found(seed)
    back = mirrored(one, SIZE[1])
    for before, after in zip(one.masks, back.masks, strict=True):
        assert (rle.decode(after) == rle.decode(before)[:, ::-1]).all()
    np.testing.assert_allclose(mirrored(back, SIZE[1]).boxes, one.boxes)
    assert [mask["counts"] for mask in mirrored(back, SIZE[1]).masks] == [mask["counts"] for mask in one.masks]


@pytest.mark.parametrize("boxes", [True, False])
def test_what_all_views_see_keeps_its_score(boxes):
    one = found(1, boxes)
    both = joined([one, one])
    order = np.argsort(-np.asarray(one.scores), kind="stable")
    np.testing.assert_allclose(both.scores, one.scores[order])
    assert both.classes.tolist() == one.classes[order].tolist()
    assert (both.boxes is None) is not boxes


def test_what_one_view_sees_loses_its_share():
    one = found(2)
    none = Detections(np.zeros(0), np.zeros(0, int), [], np.zeros((0, 4)))
    np.testing.assert_allclose(sorted(joined([none, one, none]).scores), sorted(one.scores / 3))
    assert len(joined([none, none]).scores) == 0


def test_another_class_or_place_is_another_object():
    code = rle.from_polygons([(10.0, 10.0, 50.0, 10.0, 50.0, 50.0, 10.0, 50.0)], *SIZE)
    box = np.array([[10.0, 10, 50, 50]])
    first = Detections(np.array([0.8]), np.array([1]), [code], box)
    assert joined([first, Detections(np.array([0.6]), np.array([2]), [code], box)]).scores.tolist() == [0.4, 0.3]
    assert joined([first, Detections(np.array([0.6]), np.array([1]), [code], box + 30)]).scores.tolist() == [0.4, 0.3]
    assert joined([first, Detections(np.array([0.6]), np.array([1]), [code], box + 3)]).scores.tolist() == [0.7]


def test_views_go_through_the_network_and_come_back():
    """A network that sees the bright rectangle in whatever view it gets."""
    rgb = np.zeros((60, 80, 3), np.uint8)
    rgb[10:30, 50:70] = 255
    preprocess = Preprocess(size=(64, 96), keep_ratio=True)
    views = ObjectViews(preprocess, ViewsConfig(flip=True, scales=(1.0, 0.5)))

    def find(images):
        answers = []
        for image in images:
            bright = image.image[0, 0, : image.resized[0], : image.resized[1]] > 0
            scale = image.size[0] / image.resized[0]
            rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
            box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) * scale
            whole = np.zeros(image.size, np.uint8)
            left, top, right, bottom = box.round().astype(int)
            whole[top:bottom, left:right] = 1
            answers.append(Detections(np.array([0.9]), np.array([0]), [rle.encode(whole)], box[None]))
        return answers

    (answer,) = views.find(find, [views.prepare(rgb)])
    assert answer.scores.tolist() == pytest.approx([0.9])
    np.testing.assert_allclose(answer.boxes, [[50, 10, 70, 30]], atol=1.5)
    assert len(views.prepare(rgb)) == 4


def test_a_network_of_one_size_takes_no_scales():
    with pytest.raises(UsageError, match=r"augment\.scales"):
        ObjectViews(Preprocess(size=(64, 64)), ViewsConfig(scales=(0.5,)))
