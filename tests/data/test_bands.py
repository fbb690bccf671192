"""Images of 1 to 16 bands, in TIFF, NPY and PNG, are read as they are where a network takes them."""

from __future__ import annotations

import io
import pickle

import cv2
import numpy as np
import pytest
import tifffile

from segcli.data.budget import set_max_pixels
from segcli.data.decoding.band_scale import band_scale
from segcli.data.decoding.headers import read_header
from segcli.data.decoding.image_range import ImageRange
from segcli.data.decoding.npy import read_npy_header
from segcli.data.decoding.used_range import set_image_range
from segcli.data.image import decode_image, decode_input, image_header, read_image, read_input, read_values, shown
from segcli.data.sources import open_sources
from segcli.errors import DatasetError, InputError
from tests.image_files import photo

BITS_12 = ImageRange("fixed", 0, 4095)


def values(bands: int, dtype=np.uint8, height: int = 20, width: int = 30) -> np.ndarray:
    rng = np.random.default_rng(bands)
    return rng.integers(0, 256 if dtype == np.uint8 else 4096, (height, width, bands)).astype(dtype)


def write(path, array: np.ndarray) -> None:
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".png":
        cv2.imwrite(str(path), array if array.shape[2] == 1 else array[..., [2, 1, 0, 3]])
    else:
        one = {} if array.shape[2] == 1 else {"planarconfig": "contig"}
        tifffile.imwrite(path, array.squeeze(), photometric="minisblack", compression="zlib", **one)


@pytest.mark.parametrize(
    ("suffix", "bands", "dtype"),
    [
        *(
            (suffix, bands, dtype)
            for suffix in (".tif", ".npy")
            for bands in (1, 2, 4, 5, 16)
            for dtype in ("u1", "u2")
        ),
        (".png", 1, "u1"),
        (".png", 4, "u1"),
    ],
)
def test_the_bands_of_a_file_are_those_of_the_array(tmp_path, suffix, bands, dtype):
    array = values(bands, np.dtype(dtype))
    path = tmp_path / f"image{suffix}"
    write(path, array)
    chosen = ImageRange("fixed", 0, 4095, channels=bands)
    read = read_input(path, chosen)
    assert read.dtype == np.uint8 and read.shape == array.shape
    np.testing.assert_array_equal(read, chosen.apply(array))
    assert image_header(path).channels == bands and image_header(path).size == (30, 20)
    set_image_range(chosen)
    np.testing.assert_array_equal(read_values(path), array)


def test_planes_one_after_the_other_are_bands_too(tmp_path):
    array = values(6, np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", array.transpose(2, 0, 1), photometric="minisblack", planarconfig="separate")
    np.save(tmp_path / "a.npy", array.transpose(2, 0, 1))
    np.save(tmp_path / "f.npy", np.asfortranarray(array))
    np.save(tmp_path / "big.npy", array.astype(">u2"))
    chosen = ImageRange("fixed", 0, 4095, channels=6)
    for name in ("a.tif", "a.npy", "f.npy", "big.npy"):
        np.testing.assert_array_equal(read_input(tmp_path / name, chosen), chosen.apply(array), err_msg=name)


def test_colours_stay_colours_and_more_bands_are_refused_with_the_key(tmp_path):
    rgb = photo(20, 30)
    np.save(tmp_path / "rgb.npy", rgb)
    np.testing.assert_array_equal(read_image(tmp_path / "rgb.npy"), rgb)
    np.testing.assert_array_equal(read_input(tmp_path / "rgb.npy"), rgb)
    np.save(tmp_path / "grey.npy", rgb[..., 0])
    np.testing.assert_array_equal(read_input(tmp_path / "grey.npy"), np.repeat(rgb[..., :1], 3, axis=2))
    np.save(tmp_path / "eight.npy", values(8))
    with pytest.raises(InputError, match="has 8 bands") as fault:
        read_input(tmp_path / "eight.npy")
    assert "Global.input_channels=8" in str(fault.value.hint)
    eight = ImageRange(channels=8)
    np.testing.assert_array_equal(read_image(tmp_path / "eight.npy", eight), values(8)[..., :3])
    write(tmp_path / "four.tif", values(4))
    np.testing.assert_array_equal(read_image(tmp_path / "four.tif"), values(4)[..., :3], err_msg="no grey of the first")
    with pytest.raises(InputError, match="has 3 bands; images of 8 bands"):
        read_input(tmp_path / "rgb.npy", eight)


def test_bands_are_turned_as_the_file_says(tmp_path):
    array = values(5)
    orientation = [(274, "H", 1, 6, True)]
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="minisblack", planarconfig="contig", extratags=orientation)
    read = read_input(tmp_path / "a.tif", ImageRange(channels=5))
    np.testing.assert_array_equal(read, np.rot90(array, -1))


@pytest.mark.parametrize(
    "array",
    [
        np.array([{"a": 1}], dtype=object),
        np.zeros((4, 4), np.complex64),
        np.zeros((4, 4), "U3"),
        np.zeros((4, 4), [("a", "u1"), ("b", "u1")]),
        np.zeros(16, np.uint8),
        np.zeros((2, 2, 2, 2), np.uint8),
        np.zeros((0, 4), np.uint8),
    ],
)
def test_no_array_but_numbers_of_an_image_is_read(tmp_path, array):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    assert read_npy_header(stream.getvalue()) is None and read_header(stream.getvalue()) is None
    with pytest.raises(InputError, match="no image that can be decoded"):
        decode_image(stream.getvalue())


def test_nothing_is_unpickled_and_no_claim_is_believed(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "opened"), "w"))

    stream = io.BytesIO()
    np.save(stream, np.zeros((2, 2), np.uint8))
    data = bytearray(stream.getvalue())
    trapped = bytes(data[:128]).replace(b"'|u1'", b"'|O' ") + pickle.dumps(Trap())
    with pytest.raises(InputError):
        decode_image(trapped)
    assert not (tmp_path / "opened").exists()
    claims = bytes(data).replace(b"(2, 2), ", b"(90000, 90000), ".ljust(8))
    with pytest.raises(InputError):
        decode_image(claims)
    long = b"\x93NUMPY\x01\x00" + (60000).to_bytes(2, "little") + b"{" * 60000
    with pytest.raises(InputError):
        decode_image(long)
    with pytest.raises(InputError, match="cut off"):
        decode_image(bytes(data[:-1]))


def test_wide_pixels_are_counted_in_bytes(tmp_path):
    set_max_pixels(2000)
    np.save(tmp_path / "a.npy", np.zeros((30, 30, 16), np.float64))
    with pytest.raises(InputError, match="16 bands, 115,200 bytes and more than 8,000"):
        read_input(tmp_path / "a.npy", ImageRange(channels=16))


def test_each_band_has_its_own_scale(tmp_path):
    set_image_range(ImageRange(channels=2))
    one = np.zeros((10, 10, 2), np.uint8)
    one[..., 0], one[:5, :, 1] = 51, 255
    np.save(tmp_path / "a.npy", one)
    mean, std = band_scale([tmp_path / "a.npy"] * 3)
    assert mean == (0.2, 0.5) and std == (0.001, 0.5), "the deviation of an even band is no zero"
    np.save(tmp_path / "b.npy", one[..., :1])
    with pytest.raises(DatasetError, match=r"b\.npy: has 1 band"):
        band_scale([tmp_path / "b.npy"])


def test_arrays_and_files_are_predicted_on_as_bands(tmp_path):
    array = values(5, np.uint16)
    np.save(tmp_path / "a.npy", array)
    chosen = ImageRange("fixed", 0, 4095, channels=5)
    found = list(open_sources([str(tmp_path / "a.npy"), array, array[..., :3]]).read_by(chosen))
    np.testing.assert_array_equal(found[0].rgb, chosen.apply(array))
    np.testing.assert_array_equal(found[1].rgb, chosen.apply(array))
    assert found[2].fault is not None and "[H, W, 5]" in found[2].fault.message
    np.testing.assert_array_equal(shown(chosen.apply(array)), chosen.apply(array)[..., :3])


def test_a_palette_is_no_band(tmp_path):
    import PIL.Image

    image = PIL.Image.fromarray(values(1)[..., 0]).convert("P")
    image.save(tmp_path / "a.png")
    with pytest.raises(InputError, match="has a palette"):
        decode_input((tmp_path / "a.png").read_bytes(), ImageRange(channels=1))
