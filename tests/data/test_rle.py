"""Run-length codes are those of pycocotools, byte for byte, and damaged ones are refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from pycocotools import mask as oracle

from segcli.data import rle

HEIGHT, WIDTH = 37, 53


def blobs(seed: int, height: int = HEIGHT, width: int = WIDTH):
    noise = np.random.default_rng(seed).random((height, width), np.float32)
    return (cv2.GaussianBlur(noise, (5, 5), 1.2) > 0.5).astype(np.uint8)


def expected(mask) -> str:
    return oracle.encode(np.asfortranarray(mask))["counts"].decode()


def masks():
    yield np.zeros((HEIGHT, WIDTH), np.uint8)
    yield np.ones((HEIGHT, WIDTH), np.uint8)
    yield from (blobs(seed) for seed in range(5))


def test_encodes_and_decodes_as_pycocotools():
    for mask in masks():
        code = rle.encode(mask)
        assert code["counts"] == expected(mask)
        np.testing.assert_array_equal(rle.decode(code), mask)
        assert rle.area(code) == mask.sum()
        assert list(rle.bounding_box(code)) == list(oracle.toBbox(code))


@pytest.mark.parametrize("x", [0, 1, 20, WIDTH - 9])
@pytest.mark.parametrize("y", [0, 3, HEIGHT - 12])
@pytest.mark.parametrize("fill", ["blobs", "ones", "zeros"])
def test_a_crop_encodes_as_the_whole_image(x, y, fill):
    crop = {"blobs": blobs(7, 12, 9), "ones": np.ones((12, 9), bool), "zeros": np.zeros((12, 9), np.uint8)}[fill]
    whole = np.zeros((HEIGHT, WIDTH), np.uint8)
    whole[y : y + 12, x : x + 9] = crop
    assert rle.encode_crop(crop, x, y, HEIGHT, WIDTH) == {"size": [HEIGHT, WIDTH], "counts": expected(whole)}


def test_crops_of_any_shape_encode_as_the_whole_image():
    rng = np.random.default_rng(0)
    for seed in range(200):
        height, width = int(rng.integers(1, HEIGHT + 1)), int(rng.integers(1, WIDTH + 1))
        x, y = int(rng.integers(0, WIDTH - width + 1)), int(rng.integers(0, HEIGHT - height + 1))
        crop = blobs(seed)[:height, :width]
        whole = np.zeros((HEIGHT, WIDTH), np.uint8)
        whole[y : y + height, x : x + width] = crop
        assert rle.encode_crop(crop, x, y, HEIGHT, WIDTH)["counts"] == expected(whole)


def test_a_crop_without_pixels_is_an_empty_mask():
    assert rle.encode_crop(np.zeros((0, 4), bool), 3, 3, HEIGHT, WIDTH) == rle.empty(HEIGHT, WIDTH)
    assert rle.empty(HEIGHT, WIDTH)["counts"] == expected(np.zeros((HEIGHT, WIDTH), np.uint8))


def test_run_lengths_unpack_the_string():
    mask = blobs(3)
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat, prepend=0))
    np.testing.assert_array_equal(rle.run_lengths(expected(mask)), np.diff(edges, prepend=0, append=flat.size))


def test_parses_compressed_and_uncompressed_codes():
    mask = blobs(4)
    code = rle.encode(mask)
    runs = [int(run) for run in rle.run_lengths(code["counts"])]
    assert rle.parse({"size": [HEIGHT, WIDTH], "counts": runs}) == code
    assert rle.parse(code) == code
    assert rle.parse({"size": [HEIGHT, WIDTH], "counts": code["counts"].encode()}) == code


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ({"size": [4, 4], "counts": [3, 4]}, "add up to 7"),
        ({"size": [4, 4], "counts": [20, -4]}, "negative"),
        ({"size": [4, 4], "counts": "0"}, "add up to 0"),
        ({"size": [4, 4], "counts": "P"}, "damaged"),
        ({"size": [4, 4], "counts": "höhe"}, "damaged"),
        ({"size": [4, 4], "counts": "PPPPPPPPPP0"}, "damaged"),
        ({"size": [4, 4], "counts": [1.5, 14.5]}, "neither"),
        ({"size": [4, 4]}, "neither"),
        ({"size": [4], "counts": [16]}, "size"),
        ({"counts": [16]}, "size"),
    ],
)
def test_damaged_codes_are_refused(segmentation, message):
    with pytest.raises(ValueError, match=message):
        rle.parse(segmentation)


def test_polygons_fill_as_in_pycocotools():
    polygons = [[3.2, 4.1, 20.7, 6.0, 15.5, 30.2], [30, 5, 45, 5, 45, 20, 30, 20], [10, 10, 25, 12, 18, 28]]
    theirs = oracle.merge(oracle.frPyObjects(polygons, HEIGHT, WIDTH))["counts"].decode()
    assert rle.from_polygons(polygons, HEIGHT, WIDTH)["counts"] == theirs
    assert rle.from_polygons([], HEIGHT, WIDTH) == rle.empty(HEIGHT, WIDTH)


def test_union_joins_masks():
    first, second = blobs(1), blobs(2)
    np.testing.assert_array_equal(rle.decode(rle.union([rle.encode(first), rle.encode(second)])), first | second)


@pytest.mark.parametrize("seed", range(40))
def test_a_mask_is_decoded_inside_of_its_rectangle_and_of_any_window(seed):
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(1, 40, 2))
    whole = (rng.random((height, width)) < rng.choice([0.01, 0.3, 1])).astype(np.uint8)
    if seed % 2:
        rows, columns = np.sort(rng.integers(0, [[height], [width]], (2, 2)), axis=1)
        whole[: rows[0]] = whole[rows[1] + 1 :] = whole[:, : columns[0]] = whole[:, columns[1] + 1 :] = 0
    code = rle.encode(whole)
    crop = rle.decode_crop(code)
    if crop is None:
        assert not whole.any()
    else:
        mask, left, top = crop
        rows, columns = np.nonzero(whole)
        assert (left, top) == (columns.min(), rows.min())
        np.testing.assert_array_equal(mask, whole[top : rows.max() + 1, left : columns.max() + 1])
    for _ in range(20):
        left, top, right, bottom = (int(side) for side in rng.integers(0, 50, 4))
        window = rle.window_of(crop, whole.shape, (left, top, right, bottom))
        np.testing.assert_array_equal(window, whole[top:bottom, left:right])
