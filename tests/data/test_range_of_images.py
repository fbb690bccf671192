"""One range for all readers: found from the images, handed to workers, kept by models."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest

from segcli.config.image_range import learnt_range
from segcli.config.schema import Config
from segcli.data.decoding import range_of_images as range_module
from segcli.data.decoding.image_range import ImageRange
from segcli.data.decoding.range_of_images import range_of_images, use_range
from segcli.data.decoding.used_range import SETTING, current_range, set_image_range
from segcli.data.image import read_image
from segcli.errors import ConfigError
from segcli.models.spec import Preprocess
from tests.image_files import photo, tiff


@pytest.fixture(autouse=True)
def usual(monkeypatch):
    monkeypatch.delenv(SETTING, raising=False)


def write(folder, name, values):
    path = folder / name
    if name.endswith(".tif"):
        path.write_bytes(tiff(values))
    else:
        cv2.imwrite(str(path), values)
    return path


@pytest.mark.parametrize(
    ("high", "dtype", "expected"),
    [
        (4095, np.uint16, ImageRange("fixed", 0, 4095)),
        (65535, np.uint16, ImageRange()),
        (1.0, np.float32, ImageRange("fixed", 0, 1)),
        (240.0, np.float32, ImageRange("fixed", 0, 255)),
        (255, np.uint8, ImageRange()),
    ],
)
def test_the_range_is_found_from_the_images(tmp_path, high, dtype, expected):
    values = (photo(20, 30) / photo(20, 30).max() * high).astype(dtype)
    dark = (values * 0.3).astype(dtype)
    paths = [write(tmp_path, "a.tif", dark), write(tmp_path, "b.tif", values), tmp_path / "absent.tif"]
    assert range_of_images(paths) == expected
    assert use_range("auto", paths) == current_range() == expected
    # the whole range of grey levels is left
    assert read_image(paths[1]).max() >= 240


@pytest.mark.parametrize(
    ("high", "expected", "decoded"), [(40000, ImageRange(), 1), (4000, ImageRange("fixed", 0, 4095), 2)]
)
def test_images_are_not_decoded_once_they_cannot_change_the_range(tmp_path, monkeypatch, high, expected, decoded):
    paths = [write(tmp_path, f"{name}.png", np.full((4, 4, 3), high, np.uint16)) for name in "ab"]
    seen, read = [], range_module.read_values
    monkeypatch.setattr(range_module, "read_values", lambda path: seen.append(path) or read(path))
    assert range_of_images(paths) == expected
    assert seen == paths[:decoded]


def test_an_image_of_other_values_counts_whatever_comes_before_it(tmp_path):
    path = write(tmp_path, "a.png", np.full((4, 4, 3), 40000, np.uint16))
    real = write(tmp_path, "b.tif", np.full((4, 4), 0.5, np.float32))
    assert range_of_images([path, real]) == ImageRange("fixed", 0, 65535)


def test_a_setting_stands_and_workers_have_it(tmp_path):
    path = write(tmp_path, "a.png", np.full((4, 4, 3), 500, np.uint16))
    assert read_image(path).max() == 1
    use_range((0.0, 1000.0), [])
    assert read_image(path).max() == 128
    code = f"from segcli.data.image import read_image; print(read_image({str(path)!r}).max())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "128\n"
    set_image_range(ImageRange("percentile"))
    assert current_range() == ImageRange("percentile")


def test_a_model_keeps_its_range():
    def config(value):
        return Config.model_validate({"Global": {"model": "UNet-S", "image_range": value}})

    learnt = Preprocess(image_range=(0.0, 4095.0))
    assert learnt_range(learnt, config("auto")) == ImageRange("fixed", 0, 4095)
    assert learnt_range(learnt, config([0, 4095])) == ImageRange("fixed", 0, 4095)
    with pytest.raises(ConfigError, match="is bits; the model was trained on images read as 0 to 4095"):
        learnt_range(learnt, config("bits"))
    assert learnt_range(Preprocess(), config("percentile")) == ImageRange("percentile")
    assert learnt_range(Preprocess(), config("auto")) == ImageRange()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_limits_may_lie_beyond_float32(dtype):
    """GDAL marks places without a value by the least number of the type."""
    values = np.array([[np.nan, -1e30, 0.0, 1e30]], dtype)
    if dtype is np.float64:
        values[0, 0] = -1.7e308
    applied = ImageRange("fixed", -1.7e308, 1e300).apply(values)
    assert applied.tolist() == [[0, 255, 255, 255]]
