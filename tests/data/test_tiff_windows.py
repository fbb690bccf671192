"""A TIFF that is read in parts is the same image, whatever its layout."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import tifffile

from segcli.data.decoding.image_range import ImageRange
from segcli.data.decoding.pages import open_large
from segcli.data.decoding.tiff_windows import TiffWindows, why_whole
from segcli.data.image import read_image
from segcli.data.sources import open_sources
from segcli.data.windows import ArrayWindows, Rect, preview
from segcli.errors import InputError

HEIGHT, WIDTH = 210, 333


def colours(dtype=np.uint8, channels=3):
    rng = np.random.default_rng(0)
    smooth = cv2.resize(rng.random((9, 13, channels)), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    values = (smooth.reshape(HEIGHT, WIDTH, channels) * np.iinfo(dtype).max).astype(dtype)
    return values if channels > 1 else values[..., 0]


def write(path, values, **layout):
    kind = "rgb" if values.ndim == 3 else "minisblack"
    tifffile.imwrite(path, values, photometric=kind, metadata=None, **layout)
    return path


LAYOUTS = {
    "strips": {"rowsperstrip": 16},
    "tiles": {"tile": (64, 48)},
    "deflate": {"tile": (64, 64), "compression": "zlib"},
    "predictor": {"rowsperstrip": 7, "compression": "zlib", "predictor": 2},
    "big": {"tile": (32, 32), "bigtiff": True},
    "big-endian": {"rowsperstrip": 50, "byteorder": ">"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 3), (np.uint8, 1), (np.uint16, 3), (np.uint8, 4)])
def test_parts_are_those_of_the_whole(layout, dtype, channels, tmp_path):
    options = dict(LAYOUTS[layout])
    if channels == 4:
        options["extrasamples"] = ["unassalpha"]
    if options.get("predictor"):
        options["predictor"] = False  # tifffile writes predictors with another package alone
    path = write(tmp_path / "a.tif", colours(dtype, channels), **options)
    whole, parts = read_image(path), TiffWindows(path)
    assert parts.size == (HEIGHT, WIDTH)
    for rect in (Rect(0, 0, WIDTH, HEIGHT), Rect(100, 50, 170, 130), Rect(330, 208, 333, 210), Rect(0, 60, 333, 70)):
        assert np.array_equal(parts.read(rect), ArrayWindows(whole).read(rect))


@pytest.mark.parametrize("compression", ["tiff_lzw", "jpeg", "packbits"])
def test_compressions_of_libtiff(compression, tmp_path):
    """Pillow writes strips of about 64 KB; JPEG tables lie outside of them."""
    from PIL import Image

    path = tmp_path / "a.tif"
    Image.fromarray(np.tile(colours(), (3, 3, 1))).save(path, compression=compression)
    with tifffile.TiffFile(path) as file:
        assert len(file.pages.first.dataoffsets) > 3
    whole, rect = read_image(path), Rect(11, 190, 900, 420)
    found = TiffWindows(path).read(rect).astype(int)
    # OpenCV reads the JPEG as a whole by another way than its strips
    assert np.abs(found - ArrayWindows(whole).read(rect)).max() <= (3 if compression == "jpeg" else 0)


def test_what_lies_on_its_side_or_takes_its_range_from_all_pixels_is_decoded_whole(tmp_path):
    turned = write(tmp_path / "a.tif", colours(), rowsperstrip=9, extratags=[(274, 3, 1, 6, True)])
    assert "side" in why_whole(turned)
    assert open_large(turned, 10) is None
    deep = write(tmp_path / "b.tif", colours(np.uint16), rowsperstrip=9)
    assert "range" in why_whole(deep, ImageRange("percentile"))
    assert why_whole(deep) is None


def test_a_file_that_is_cut_off_names_the_part(tmp_path):
    path = write(tmp_path / "a.tif", colours(), rowsperstrip=16)
    with tifffile.TiffFile(path) as file:
        end = file.pages.first.dataoffsets[5] + 10
    path.write_bytes(path.read_bytes()[:end])
    parts = TiffWindows(path)
    parts.read(Rect(0, 0, WIDTH, 16))
    with pytest.raises(InputError, match="is cut off") as caught:
        parts.read(Rect(0, 0, WIDTH, HEIGHT))
    assert "a.tif (part 5)" in str(caught.value)


def test_a_file_without_its_layout_is_an_item_with_a_fault(tmp_path):
    path = write(tmp_path / "a.tif", colours(), rowsperstrip=16, compression="zlib")
    path.write_bytes(path.read_bytes()[:100])
    (item,) = open_sources([str(path), str(path)][:1]).in_parts_above(10)
    assert item.fault is not None
    assert "a.tif" in str(item.fault)


def test_large_images_come_in_parts_and_others_whole(tmp_path):
    write(tmp_path / "a.tif", colours(), rowsperstrip=16)
    cv2.imwrite(str(tmp_path / "b.png"), colours())
    cv2.imwrite(str(tmp_path / "c.png"), colours()[:50])
    items = list(open_sources(tmp_path).in_parts_above(50_000))
    assert [item.rgb is None for item in items] == [True, True, False]
    assert isinstance(items[0].large, TiffWindows)
    assert isinstance(items[1].large, ArrayWindows)
    assert all(item.fault is None for item in items)


@pytest.mark.parametrize("most", [50, 100, 1000])
def test_a_small_image_is_the_mean_of_squares(most, tmp_path):
    rgb = colours()
    small = preview(ArrayWindows(rgb), most)
    assert max(small.shape) <= most
    factor = round(WIDTH / small.shape[1])
    height, width = small.shape[0] * factor, small.shape[1] * factor
    means = rgb[:height, :width].reshape(small.shape[0], factor, small.shape[1], factor, 3).mean(axis=(1, 3))
    assert np.abs(small - means).max() <= 1
