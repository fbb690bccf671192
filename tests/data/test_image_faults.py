"""Files that are damaged, lie, or hold more than is read: nothing is lost unsaid, and every error names the file."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest

from segcli.data import budget
from segcli.data.decoding import decoders
from segcli.data.decoding.headers import is_complete, read_header, whole_header
from segcli.data.decoding.image_range import ImageRange, parse_range, range_of_values
from segcli.data.decoding.jpeg import decode_jpeg, jpeg_damage
from segcli.data.decoding.pages import read_pages
from segcli.data.image import decode_image, image_size, open_mask, read_image
from segcli.data.sources import open_sources
from segcli.errors import InputError
from tests.image_files import damaged_jpeg, false_bmp, false_jpeg, false_png, false_ppm, jpeg, photo, tiff

FALSE = {
    "png": false_png(40_000, 40_000),
    "png_wide": false_png(2**31 - 1, 2**31 - 1),
    "bmp": false_bmp(40_000, 40_000),
    "ppm": false_ppm(40_000, 40_000),
    "tif": tiff(np.zeros((4, 4, 3), np.uint8)).replace((4).to_bytes(4, "little"), (60_000).to_bytes(4, "little"), 2),
    "jpg": false_jpeg(60_000, 60_000),
    "j2k": b"\x00\x00\x00\x0cjP  \r\n\x87\n" + b"\xff" * 40,
}


@pytest.mark.parametrize("kind", FALSE)
def test_a_false_header_is_an_error_that_names_the_file(tmp_path, kind):
    path = tmp_path / f"false.{kind}"
    path.write_bytes(FALSE[kind])
    for read in (read_image, open_mask):
        with pytest.raises(InputError, match=r"false\."):
            read(path)


@pytest.mark.parametrize("size", [(60_000, 60_000), (3000, 3000), (1600, 1200)])
def test_a_jpeg_that_states_more_than_it_holds_has_no_size(tmp_path, size):
    path = tmp_path / "false.jpg"
    path.write_bytes(false_jpeg(*size, photo(48, 64)))
    with pytest.raises(InputError, match="states"):
        image_size(path)


def test_a_chunk_of_a_png_that_states_a_length_beyond_the_file_takes_no_memory(tmp_path):
    data = bytearray(cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    palette = (2**31 - 1).to_bytes(4, "big") + b"PLTE" + bytes(24)
    path = tmp_path / "false.png"
    path.write_bytes(bytes(data[:33]) + palette + bytes(data[33:]))
    before = budget.peak_memory_mb()
    for read in (read_image, open_mask):
        with pytest.raises(InputError, match="cut off"):
            read(path)
    assert budget.peak_memory_mb() - before < 200


@pytest.mark.parametrize("side", [16, 20])
def test_an_image_without_pixels_is_none(tmp_path, side):
    data = bytearray(cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    data[side : side + 4] = bytes(4)
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    path = tmp_path / "none.png"
    path.write_bytes(bytes(data))
    for read in (image_size, read_image, open_mask):
        with pytest.raises(InputError, match=r"none\.png: is no image that can be decoded"):
            read(path)


def test_flat_images_of_few_bytes_are_no_lies(tmp_path):
    cv2.imwrite(str(tmp_path / "flat.jpg"), np.full((2000, 3000, 3), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "flat.png"), np.zeros((4000, 3000), np.uint8))
    assert image_size(tmp_path / "flat.jpg") == (3000, 2000)
    assert read_image(tmp_path / "flat.jpg").shape == (2000, 3000, 3)
    assert read_image(tmp_path / "flat.png").shape == (4000, 3000, 3)


@pytest.mark.parametrize("sampling", ["411", "420", "422", "440", "444"])
@pytest.mark.parametrize("progressive", [0, 1])
def test_a_jpeg_is_decoded_as_opencv_does(sampling, progressive):
    flags = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{sampling}")]
    data = cv2.imencode(".jpg", photo(), [*flags, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])[1]
    expected = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    pixels, damage = decode_jpeg(data.tobytes())
    np.testing.assert_array_equal(pixels, expected)
    assert damage is None


def test_damaged_blocks_are_seen_and_nothing_reaches_the_terminal(tmp_path, capfd, monkeypatch):
    told: list[str] = []
    monkeypatch.setattr(decoders.log, "warning", lambda text, *values: told.append(text % values))
    path = tmp_path / "damaged.jpg"
    path.write_bytes(damaged_jpeg())
    assert "Corrupt JPEG data" in jpeg_damage(damaged_jpeg())
    assert jpeg_damage(jpeg()) is None
    assert read_image(path).shape == (240, 320, 3)
    assert "damaged.jpg" in told[0]
    assert capfd.readouterr().err == ""


def test_colours_of_a_transparent_tiff_are_kept(tmp_path):
    pixels = photo(20, 30)
    for extra in (0, 2):
        path = tmp_path / f"{extra}.tif"
        path.write_bytes(tiff(np.dstack([pixels, np.zeros((20, 30), np.uint8)]), extra=(extra,)))
        np.testing.assert_array_equal(read_image(path), pixels)
        assert read_header(path.read_bytes()).has_alpha is (extra == 2)


def test_bands_that_no_network_reads_are_named(tmp_path):
    (tmp_path / "bands.tif").write_bytes(tiff(np.zeros((20, 30, 7), np.uint8), extra=(0,) * 4))
    with pytest.raises(InputError, match="7 bands"):
        read_image(tmp_path / "bands.tif")


@pytest.mark.parametrize("bands", [1, 3, 4])
@pytest.mark.parametrize(
    ("dtype", "high", "image_range"),
    [
        ("uint16", 4095, ImageRange("fixed", 0, 4095)),
        ("uint16", 65535, ImageRange()),
        ("int16", 32767, ImageRange()),
        ("float32", 1.0, ImageRange()),
        ("float64", 1.0, ImageRange("fixed", 0, 1)),
        ("float32", 255.0, ImageRange("fixed", 0, 255)),
    ],
)
def test_deep_values_become_the_same_picture(tmp_path, bands, dtype, high, image_range):
    picture = photo(20, 30)
    stored = np.dstack([picture, picture[..., 0]])[..., :bands] if bands > 1 else picture[..., 0]
    values = (stored / 255 * high).astype(dtype)
    path = tmp_path / "deep.tif"
    path.write_bytes(tiff(values, extra=(0,) if bands == 4 else ()))
    expected = picture if bands > 1 else np.repeat(picture[..., :1], 3, axis=2)
    assert np.abs(read_image(path, image_range).astype(int) - expected).max() <= 1


def test_a_deep_png_has_a_range_too(tmp_path):
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), (photo()[..., ::-1] / 255 * 4095).astype(np.uint16))
    assert read_image(path).max() <= 15
    assert np.abs(read_image(path, parse_range([0, 4095])).astype(int) - photo()).max() <= 1
    assert read_image(path, parse_range("percentile")).max() == 255


def test_values_that_are_no_numbers_are_black(tmp_path):
    values = np.full((4, 5), np.nan, np.float32)
    values[0] = [0.5, np.inf, -np.inf, 2.0, -1.0]
    (tmp_path / "nan.tif").write_bytes(tiff(values))
    np.testing.assert_array_equal(read_image(tmp_path / "nan.tif")[0, :, 0], [128, 255, 0, 255, 0])
    assert not read_image(tmp_path / "nan.tif")[1:].any()


@pytest.mark.parametrize(
    ("low", "high", "real", "expected"),
    [
        (0, 200, False, "0 to 255"),
        (3, 900, False, "0 to 1023"),
        (0, 4095, False, "0 to 4095"),
        (0, 9000, False, "0 to 16383"),
        (0, 60000, False, "bits"),
        (0.0, 1.0, True, "0 to 1"),
        (0.0, 250.0, True, "0 to 255"),
        (-1.0, 1.0, True, "-1 to 1"),
    ],
)
def test_the_range_is_that_of_a_sensor(low, high, real, expected):
    assert str(range_of_values(low, high, real=real)) == expected


def test_a_range_of_nothing_is_refused():
    for wrong in ([5, 5], [3, 1], "all", [1]):
        with pytest.raises(ValueError, match="not bits"):
            parse_range(wrong)


def test_a_fault_is_told_in_the_same_words_by_each_run(tmp_path):
    """Pillow's own words for a damaged header hold an address in memory."""
    whole = cv2.imencode(".png", photo(20, 30))[1].tobytes()
    (tmp_path / "a.png").write_bytes(whole[:29] + bytes(4) + whole[33:])  # another checksum of the header
    with pytest.raises(InputError, match="header is damaged") as caught:
        read_image(tmp_path / "a.png")
    assert " at 0x" not in str(caught.value)


def test_the_limit_is_what_was_set(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), photo(20, 30))
    budget.set_max_pixels(599)
    with pytest.raises(InputError, match="states 30 x 20 px, more than 599 px") as caught:
        read_image(tmp_path / "a.png")
    assert "max_pixels" in caught.value.hint
    budget.set_max_pixels(600)
    assert read_image(tmp_path / "a.png").shape == (20, 30, 3)


def test_the_address_space_limits_what_is_decoded():
    code = "from segcli.data.budget import max_pixels; print(max_pixels())"

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))

    out = subprocess.run(
        [sys.executable, "-c", code], preexec_fn=limited, capture_output=True, text=True, check=True, env=os.environ
    )
    assert 1 << 20 < int(out.stdout) < 1 << 27


KINDS = {
    "png": (photo(64, 64), 8),
    "jp2": (photo(64, 64), 24),
    "deep.png": (photo(64, 64).astype(np.uint16) * 257, 30),
    "tif": (photo(64, 64).astype(np.float32), 60),
}


@pytest.mark.parametrize("kind", KINDS)
def test_memory_limits_each_kind_by_what_its_decoder_takes(tmp_path, monkeypatch, kind):
    pixels, bytes_per_pixel = KINDS[kind]
    path = tmp_path / f"a.{kind}"
    cv2.imwrite(str(path), pixels)
    enough = int(64 * 64 * bytes_per_pixel / budget.SHARE)

    monkeypatch.setattr(budget, "_memory_at_start", lambda: enough)
    assert read_image(path).shape == (64, 64, 3)
    monkeypatch.setattr(budget, "_memory_at_start", lambda: enough - 16)
    with pytest.raises(InputError, match="what the memory allows"):
        read_image(path)


@pytest.mark.parametrize(("kind", "bytes_per_pixel"), [(np.uint8, 8), (np.float32, 20)])
def test_memory_limits_a_page_by_what_its_decoder_takes(tmp_path, monkeypatch, kind, bytes_per_pixel):
    path = tmp_path / "pages.tif"
    assert cv2.imwritemulti(str(path), [np.arange(64 * 64, dtype=kind).reshape(64, 64)] * 2)
    enough = int(64 * 64 * bytes_per_pixel / budget.SHARE)

    monkeypatch.setattr(budget, "_memory_at_start", lambda: enough)
    assert [rgb.shape for _, rgb in read_pages(path)] == [(64, 64, 3)] * 2
    monkeypatch.setattr(budget, "_memory_at_start", lambda: enough - 16)
    with pytest.raises(InputError, match="page 0 states 64 x 64 px"):
        list(read_pages(path))


def test_one_bad_image_never_costs_its_neighbours(tmp_path):
    for name, data in {"0.jpg": jpeg(), "2.jpg": damaged_jpeg(), "3.png": b"", "9.jpg": jpeg()}.items():
        (tmp_path / name).write_bytes(data)
    for number, (kind, data) in enumerate(FALSE.items()):
        (tmp_path / f"1_{number}.{kind if kind in ('jpg', 'png', 'bmp', 'tif') else 'png'}").write_bytes(data)
    items = list(open_sources(tmp_path))
    assert len(items) == 4 + len(FALSE)
    assert {item.name.name for item in items if item.rgb is not None} == {"0", "2", "9"}
    assert all(item.name.name in str(item.fault) for item in items if item.rgb is None)


def test_every_page_of_a_tiff_is_read_with_its_colours_and_range(tmp_path):
    path = tmp_path / "pages.tif"
    path.write_bytes(tiff((photo(20, 30) / 255 * 4095).astype(np.uint16), pages=3))
    assert read_header(path.read_bytes()).pages == 3
    items = list(open_sources(path))
    assert [item.page_index for item in items] == [0, 1, 2]
    path.write_bytes(tiff(np.dstack([photo(20, 30), np.zeros((20, 30), np.uint8)]), extra=(2,), pages=2))
    for item in open_sources(path):
        np.testing.assert_array_equal(item.rgb, photo(20, 30))


def test_bytes_of_an_upload_are_decoded_with_a_range():
    data = tiff((photo(20, 30) / 255).astype(np.float32))
    assert np.abs(decode_image(data).astype(int) - photo(20, 30)).max() <= 1


def test_header_and_end_at_once_are_what_they_are_one_by_one():
    plain = cv2.imencode(".png", np.zeros((5, 7, 3), np.uint8))[1].tobytes()
    grey = cv2.imencode(".png", np.zeros((5, 7), np.uint8))[1].tobytes()
    end = plain.index(b"IEND")
    files = {
        "plain": plain,
        "more after its end": plain + b"more",
        "a long last chunk": plain[: end - 4] + b"\x00\x00\x00\x09" + plain[end:],
        "no last chunk": plain[: end - 4] + b"\x00\x00\x00\x00IENX" + plain[end + 4 :],
        "no pixels": plain[:16] + b"\x00\x00\x00\x00" + plain[20:],
        "an unknown kind": plain[:25] + b"\x05" + plain[26:],
        "pixels twice": plain[: end - 4] + grey[33:],
        "text": b"IDAT".rjust(41) + b"IEND".rjust(40),
        "jpeg": jpeg(np.zeros((5, 7, 3), np.uint8)),
        **{f"cut at {size}": plain[:size] for size in (0, 9, 30, 40, 44, len(plain) - 1)},
    }
    for name, data in files.items():
        header = read_header(data)
        assert whole_header(data) == (header, header is not None and is_complete(data)), name
    assert [whole_header(files[name])[1] for name in ("plain", "a long last chunk", "pixels twice")] == [
        True,
        False,
        True,
    ]
