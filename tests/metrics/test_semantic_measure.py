from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest

from segcli.config.schema import SlidingWindowConfig
from segcli.data.formats.masks import open_seg_dataset
from segcli.errors import DatasetError
from segcli.metrics.semantic_measure import measure
from segcli.metrics.table import BOUNDARY_IOU
from segcli.models.spec import Preprocess
from tests.images import make_seg_dataset


def by_colour(inputs: np.ndarray) -> np.ndarray:
    """A network that knows the colours of the test images: dark, red, blue."""
    return np.stack([-inputs.sum(axis=1), inputs[:, 0], inputs[:, 2]], axis=1)


@pytest.fixture
def dataset(tmp_path):
    return open_seg_dataset(make_seg_dataset(tmp_path / "data", val=3))


def run(dataset, forward=by_colour, **options):
    return measure(forward, dataset.val, dataset.classes, Preprocess(), **options)


def test_batches_and_tiles_count_the_same_as_single_images(dataset):
    single = run(dataset)
    assert 0.8 < single.miou < 1
    assert single.images == 3
    window = SlidingWindowConfig(crop_size=(40, 24), stride=(20, 20))
    for other in (run(dataset, batch_size=2), run(dataset, sliding_window=window, batch_size=3)):
        assert (other.matrix == single.matrix).all()


def test_metrics_come_by_class_name(dataset):
    values = run(dataset, metrics=(BOUNDARY_IOU,)).as_dict()
    assert list(values["classes"]) == ["_background_", "red", "blue"]
    assert values["classes"]["red"]["pixels"] > 0
    assert {"mIoU", "Acc", "Kappa", "Dice", "fwIoU", "BoundaryIoU", "classes", "images"} == set(values)


def test_small_logits_are_brought_to_the_size_of_the_mask(dataset):
    def coarse(inputs: np.ndarray) -> np.ndarray:
        return by_colour(inputs)[:, :, ::2, ::2]

    assert run(dataset, coarse).miou == pytest.approx(run(dataset).miou, abs=0.1)


def test_a_network_of_fixed_input_gets_that_size(dataset):
    seen = []

    def forward(inputs: np.ndarray) -> np.ndarray:
        seen.append(inputs.shape)
        return by_colour(inputs)

    report = run(dataset, forward, input_size=(32, 48))
    assert set(seen) == {(1, 3, 32, 48)}
    assert report.matrix.sum() == 3 * 64 * 64


def test_an_absent_class_follows_the_switch(dataset):
    for sample in dataset.val:
        mask = cv2.imread(str(sample.mask), cv2.IMREAD_GRAYSCALE)
        cv2.imwrite(str(sample.mask), np.where(mask == 2, 0, mask))

    def never_blue(inputs: np.ndarray) -> np.ndarray:
        return by_colour(inputs) - np.array([0, 0, 1e6], np.float32)[:, None, None]

    excluded, zero = (run(dataset, never_blue, absent_class=way) for way in ("exclude", "zero"))
    assert zero.miou == pytest.approx(excluded.miou * 2 / 3)
    assert excluded.per_class()["blue"]["IoU"] is None


def test_a_mask_with_an_unknown_id_is_named(dataset):
    path = dataset.val[1].mask
    cv2.imwrite(str(path), np.full((64, 64), 9, np.uint8))
    with pytest.raises(DatasetError, match="holds id 9") as caught:
        run(dataset)
    assert caught.value.path == str(path)
    assert caught.value.findings[0].code == "S304"


def test_a_mask_of_another_size_is_refused(dataset):
    cv2.imwrite(str(dataset.val[0].mask), np.zeros((64, 60), np.uint8))
    with pytest.raises(DatasetError, match="60 x 64, image 64 x 64"):
        run(dataset)


def test_memory_does_not_grow_with_the_number_of_images(tmp_path):
    dataset = open_seg_dataset(make_seg_dataset(tmp_path / "data", train=1, val=2, size=256))
    few, many = dataset.val * 4, dataset.val * 24
    peaks = []
    for samples in (few, many):
        tracemalloc.start()
        measure(by_colour, samples, dataset.classes, Preprocess())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
