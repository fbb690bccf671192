"""Training images as bytes, cropped before anything else: what PaddleSeg's own transforms make, at a fraction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from segcli.batches import load_batches
from segcli.data.decoded_cache import DecodedCache
from segcli.data.samples import SegSample
from segcli.data.sampling import SampleOrder, seed_augmentation
from segcli.engines.paddleseg.byte_transforms import distorted
from segcli.engines.paddleseg.crops import ScaledCrop, with_scaled_crop
from segcli.engines.paddleseg.parts import build_transforms
from segcli.engines.paddleseg.stream import SampleStream
from segcli.errors import DatasetError
from segcli.models.semantic.recipes import normalize, standard_transforms
from segcli.models.spec import Preprocess

SCALED = standard_transforms((96, 64))[:3]


def smooth(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 16 + 2, width // 16 + 2, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(params=["png", "jpg"])
def samples(request: pytest.FixtureRequest, tmp_path: Path) -> list[SegSample]:
    """Images larger and smaller than the crop, wide and tall."""
    found = []
    for number, (height, width) in enumerate([(120, 200), (61, 75), (300, 90), (64, 96)]):
        image, mask = tmp_path / f"{number}.{request.param}", tmp_path / f"{number}_mask.png"
        cv2.imwrite(str(image), smooth(height, width, number))
        labels = np.random.default_rng(number).integers(0, 9, (height, width)).astype(np.uint8)
        cv2.imwrite(str(mask), labels)
        found.append(SegSample(str(image), str(mask), number + 1))
    return found


def paddleseg_s(sample: SegSample, transforms: list[Any], seed: int) -> dict[str, Any]:
    from segcli.data.loading import load

    loaded = load(sample)
    seed_augmentation(seed)
    data: dict[str, Any] = {
        "img": loaded.rgb.astype(np.float32), "label": loaded.mask, "trans_info": [], "gt_fields": ["label"],
    }  # fmt: skip
    for transform in transforms:
        data = transform(data)
    return {"img": data["img"].transpose(2, 0, 1), "label": data["label"]}


def test_one_mean_holds_for_all_channels(samples: list[SegSample]):
    """As where `Normalize` is given without mean and deviation, after transforms that leave bytes or numbers."""
    for first in ({"type": "RandomHorizontalFlip"}, {"type": "Resize", "target_size": [64, 64]}):
        order = SampleOrder(len(samples), 1)
        streams = [
            SampleStream(samples, build_transforms([first, last], num_classes=9), order)
            for last in ({"type": "Normalize"}, normalize(Preprocess()))
        ]
        short, long = (stream[0]["img"] for stream in streams)
        assert short.shape[0] == 3
        np.testing.assert_array_equal(short, long)


def test_the_crop_is_paddleseg_s(samples: list[SegSample]):
    """Labels to the last bit, pixels to two levels; a JPEG decoded smaller may differ more where it is shrunk."""
    order = SampleOrder(len(samples), 1, seed=3)
    recipes = (*SCALED, normalize(Preprocess()))
    stream = SampleStream(samples, build_transforms(recipes, num_classes=9), order)
    theirs = build_transforms(recipes, num_classes=9)
    is_jpeg = samples[0].image.suffix == ".jpg"
    for position in range(24):
        ours = stream[position]
        expected = paddleseg_s(samples[order.sample(position)], theirs, order.seed_of(position))
        assert ours["img"].dtype == np.float32 and ours["img"].shape == (3, 64, 96)
        np.testing.assert_array_equal(ours["label"], expected["label"])
        levels = np.abs(ours["img"] - expected["img"]) * 127.5
        assert levels.mean() < (2 if is_jpeg else 0.7), position
        assert is_jpeg or levels.max() < 3, position


def test_a_jpeg_is_decoded_smaller_only_where_it_is_shrunk_by_as_much(samples: list[SegSample]):
    crop, rest = with_scaled_crop(build_transforms(SCALED, num_classes=9))
    assert isinstance(crop, ScaledCrop) and len(rest) == 1
    seen = set()
    for seed in range(40):
        seed_augmentation(seed)
        cut = crop.sample(120, 200)
        factor = cut.reduction(120, 200)
        seen.add((round(cut.scaled[0] / 120, 2), factor))
    assert seen == {(0.5, 2), (0.75, 1), (1.0, 1), (1.25, 1), (1.5, 1), (1.75, 1), (2.0, 1)}


def test_transforms_that_look_at_labels_are_left_to_paddleseg():
    choosy = [SCALED[0], {**SCALED[1], "category_max_ratio": 0.75}]
    assert with_scaled_crop(build_transforms(choosy, num_classes=9))[0] is None


@pytest.mark.parametrize("seed", range(12))
def test_colours_are_paddleseg_s(seed: int):
    (theirs,) = build_transforms([standard_transforms()[3]], num_classes=9)
    rgb = smooth(80, 100, seed)
    seed_augmentation(seed)
    expected = theirs({"img": rgb.astype(np.float32)})["img"]
    seed_augmentation(seed)
    ours = distorted(theirs, rgb).astype(np.float32)
    assert np.abs(ours - expected).mean() < 3
    state = np.random.get_state()[1][:5]
    seed_augmentation(seed)
    theirs({"img": rgb.astype(np.float32)})
    assert (np.random.get_state()[1][:5] == state).all(), "the same numbers are drawn"


def test_a_mask_of_another_size_is_named_though_the_image_is_decoded_smaller(samples: list[SegSample]):
    cv2.imwrite(str(samples[0].mask), np.zeros((60, 100), np.uint8))
    stream = SampleStream(samples[:1], build_transforms(SCALED, num_classes=9), SampleOrder(1, 1))
    for position in range(8):
        with pytest.raises(DatasetError, match=r"mask is 100 x 60, image 200 x 120"):
            stream[position]


@pytest.mark.parametrize("place", ["memory", "disk"])
@pytest.mark.parametrize("recipes", [SCALED, standard_transforms()[2:]])
def test_kept_images_give_the_same_samples_without_the_files(place: Any, recipes: Any, samples, tmp_path: Path):
    png = samples[0].image.suffix == ".png"
    chosen = samples if recipes is SCALED else samples[:1]
    order = SampleOrder(len(chosen), 1, seed=1)
    plain = SampleStream(chosen, build_transforms(recipes, num_classes=9), order)
    cache = DecodedCache(place, tmp_path / "output")
    kept = SampleStream(chosen, build_transforms(recipes, num_classes=9), order, cache=cache)
    first = [kept[position] for position in range(len(chosen))]
    expected = [plain[position] for position in range(3 * len(chosen))]
    for sample in chosen:
        sample.image.unlink()
        sample.mask.unlink()
    for position, wanted in enumerate(expected):
        ours = kept[position]
        np.testing.assert_array_equal(ours["label"], wanted["label"])
        if png or recipes is not SCALED:
            np.testing.assert_array_equal(ours["img"], wanted["img"])
        if position < len(first):
            np.testing.assert_array_equal(ours["img"], first[position]["img"])
    folders = list((tmp_path / "output").glob(".decoded.*")) if place == "disk" else []
    assert len(folders) == (place == "disk")
    del cache, kept
    assert not list((tmp_path / "output").glob(".decoded.*"))


def test_a_full_cache_decodes_as_without(samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("segcli.data.decoded_cache.memory_bytes", lambda: 120 * 200 * 3 / 0.4 + 10)
    cache = DecodedCache("memory", tmp_path)
    stream = SampleStream(samples, build_transforms(SCALED, num_classes=9), SampleOrder(4, 1), cache=cache)
    for position in range(8):
        stream[position]
    assert sum(array.nbytes for array in cache._arrays.values()) <= 120 * 200 * 3


@pytest.mark.parametrize("place", [None, "disk"])
def test_batches_do_not_depend_on_the_number_of_processes(place: Any, samples, tmp_path: Path):
    """Nor does what they train, then: same seed, same batches, same weights."""
    order = SampleOrder(len(samples), 2, seed=5)
    found = []
    for workers in (0, 2):
        cache = None if place is None else DecodedCache(place, tmp_path / str(workers), max(workers, 1))
        transforms = build_transforms((*SCALED, *standard_transforms()[3:]), num_classes=9)
        stream = SampleStream(samples, transforms, order, cache=cache)
        batches = load_batches(stream, order, start=1, stop=5, num_workers=workers)
        found.append([{name: tensor.numpy() for name, tensor in batch.tensors.items()} for batch in batches])
    for here, apart in zip(*found, strict=True):
        for name, array in here.items():
            np.testing.assert_array_equal(array, apart[name], err_msg=name)


def test_a_side_of_one_pixel_stays_a_pixel():
    from types import SimpleNamespace

    from segcli.engines.paddleseg.crops import ScaledCrop

    scaling = SimpleNamespace(min_scale_factor=0.25, max_scale_factor=0.25, scale_step_size=0)
    crop = SimpleNamespace(
        crop_size=(4, 4),
        im_padding_value=0,
        label_padding_value=255,
        _get_crop_coordinates=lambda size: (0, 0, size[1], size[0]),
    )
    both = ScaledCrop(scaling, crop)
    cut = both.sample(1, 1)
    assert cut.scaled == (1, 1)
    assert both.image(np.full((1, 1, 3), 7, np.uint8), cut).shape == (4, 4, 3)
    assert both.labels(np.zeros((1, 1), np.uint8), cut).tolist()[0] == [0, 255, 255, 255]
