"""Images and masks come out of their files as meant, and damaged files are errors."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from segcli.data.decoding.decoders import in_file_order
from segcli.data.decoding.headers import is_complete, read_header
from segcli.data.image import decode_image, decode_mask, image_size, open_mask, read_image, read_mask
from segcli.data.palette import IGNORE_COLOUR, palette, png_palette
from segcli.errors import InputError
from tests.image_files import grey_png

IDS = np.array([[0, 1, 2], [3, 7, 255]], np.uint8)


def rgb(height=24, width=40):
    rng = np.random.default_rng(0)
    return cv2.resize(rng.integers(0, 255, (6, 10, 3), np.uint8), (width, height))


def encoded(pixels, suffix=".jpg"):
    return cv2.imencode(suffix, pixels)[1].tobytes()


def test_colours_are_rgb(tmp_path):
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    Image.fromarray(red).save(tmp_path / "red.png")
    np.testing.assert_array_equal(read_image(tmp_path / "red.png"), red)


@pytest.mark.parametrize("mode", ["L", "RGBA", "LA", "P", "I;16", "1", "CMYK"])
def test_every_kind_of_image_becomes_rgb(tmp_path, mode):
    path = tmp_path / ("image.tif" if mode == "CMYK" else "image.png")
    Image.fromarray(rgb()).convert("L" if mode == "I;16" else mode).convert(mode).save(path)
    pixels = read_image(path)
    assert pixels.shape == (24, 40, 3)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("channels", [3, 4])
def test_values_in_the_order_of_the_file_lie_in_one_piece(dtype, channels):
    pixels = np.arange(2 * 5 * channels).reshape(2, 5, channels).astype(dtype)
    ordered = in_file_order(pixels)
    assert np.array_equal(ordered, pixels[..., [2, 1, 0, 3][:channels]])
    assert (ordered.dtype, ordered.flags.c_contiguous) == (dtype, True)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_exif_orientation_is_applied_as_pillow_does(tmp_path, orientation, suffix):
    from PIL import ImageOps

    path = tmp_path / f"turned.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(rgb()).save(path, exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(path)))
    pixels = read_image(path)
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected).max() <= 3  # two JPEG decoders differ by rounding
    assert image_size(path) == (expected.shape[1], expected.shape[0])


def test_palette_mask_gives_ids_not_colours(tmp_path):
    image = Image.frombytes("P", (3, 2), IDS.tobytes())
    image.putpalette(png_palette(8))
    image.save(tmp_path / "mask.png", transparency=0)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), IDS)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_small_palettes_give_ids(tmp_path, bits):
    ids = np.arange(12, dtype=np.uint8).reshape(3, 4) % 2**bits
    image = Image.frombytes("P", (4, 3), ids.tobytes())
    image.putpalette(png_palette(2**bits))
    image.save(tmp_path / "mask.png", bits=bits)
    assert read_header((tmp_path / "mask.png").read_bytes()).bits == bits
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), ids)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_chunk_after_the_pixels_that_no_reader_knows_changes_no_id(bits):
    data = grey_png(np.full((1, 8), 2**bits - 1, np.uint8), bits, after=((b"ABCD", b"?"),))
    np.testing.assert_array_equal(decode_mask(data).array, np.full((1, 8), 2**bits - 1))


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
@pytest.mark.parametrize("mode", ["L", "P"])
def test_mask_formats(tmp_path, suffix, mode):
    image = Image.frombytes(mode, (3, 2), IDS.tobytes())
    if mode == "P":
        image.putpalette(png_palette(8))
    image.save(tmp_path / f"mask.{suffix}")
    np.testing.assert_array_equal(read_mask(tmp_path / f"mask.{suffix}"), IDS)


def test_a_black_and_white_mask_holds_0_and_1(tmp_path):
    Image.fromarray(IDS > 1).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), IDS > 1)


def test_a_16_bit_mask_keeps_its_values_and_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "mask.png"), IDS.astype(np.uint16) * 256)
    mask = open_mask(tmp_path / "mask.png")
    assert (mask.header.bits, mask.header.channels, mask.array.dtype) == (16, 1, np.uint16)
    assert mask.array.max() == 255 * 256
    with pytest.raises(InputError, match="16 bits"):
        read_mask(tmp_path / "mask.png")


def test_a_colour_mask_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "mask.png"), rgb())
    assert open_mask(tmp_path / "mask.png").header.channels == 3
    with pytest.raises(InputError, match="3 channels"):
        read_mask(tmp_path / "mask.png")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tif"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.95])
def test_a_cut_off_file_is_an_error(tmp_path, suffix, share):
    whole = encoded(rgb(240, 400), suffix)
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match="cut"):
        read_image(path)


def test_a_thumbnail_does_not_hide_that_the_image_is_cut_off():
    thumbnail = encoded(rgb())
    whole = encoded(rgb(240, 400))
    segment = b"Exif\x00\x00" + thumbnail
    with_thumbnail = whole[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + whole[2:]
    assert is_complete(with_thumbnail)
    assert not is_complete(with_thumbnail[:-400])


def test_a_jpeg_without_its_end_mark_but_with_every_row_is_whole():
    whole = encoded(np.zeros((16, 16, 3), np.uint8))
    assert is_complete(whole + b"\x00\x00 appended by a camera")
    assert read_header(whole).size == (16, 16)


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])
def test_what_is_no_image_is_an_error_that_names_the_file(tmp_path, content):
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    for read in (read_image, read_mask, image_size):
        with pytest.raises(InputError, match=r"broken\.png"):
            read(path)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_image(tmp_path / "absent.jpg")


def test_bytes_are_decoded_and_named_in_errors():
    assert decode_image(encoded(rgb())).shape == (24, 40, 3)
    with pytest.raises(InputError, match="upload"):
        decode_image(b"x", name="upload")


def test_sizes_need_no_decoding(tmp_path):
    whole = encoded(rgb(240, 400))
    (tmp_path / "head.jpg").write_bytes(whole[:2500])
    assert image_size(tmp_path / "head.jpg") == (400, 240)
    Image.fromarray(rgb()).save(tmp_path / "a.webp")
    assert image_size(tmp_path / "a.webp") == (40, 24)


def test_large_images_are_no_bombs(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for suffix in ("tif", "bmp"):
        Image.fromarray(np.zeros((24, 40), np.uint8)).convert("P").save(tmp_path / f"mask.{suffix}")
        assert read_mask(tmp_path / f"mask.{suffix}").shape == (24, 40)
        assert read_image(tmp_path / f"mask.{suffix}").shape == (24, 40, 3)
    assert Image.MAX_IMAGE_PIXELS == 10


@pytest.mark.parametrize("count", [1, 5, 19, 150, 255])
def test_colours_differ(count):
    colours = palette(count)
    assert colours.shape == (count, 3)
    assert colours.dtype == np.uint8
    assert len({tuple(colour) for colour in colours} | {IGNORE_COLOUR}) == count + 1
    np.testing.assert_array_equal(colours, palette(256)[:count])


def test_real_masks_equal_pillow(shared):
    for path in sorted(shared("data/SEG/annotations").glob("*.png"))[:5]:
        np.testing.assert_array_equal(read_mask(path), np.asarray(Image.open(io.BytesIO(path.read_bytes()))))
