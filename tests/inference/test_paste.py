"""Masks made inside their boxes are those that the networks' full-size maps give."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from segcli.data import rle
from segcli.inference.paste import paste_anywhere, paste_in_boxes, paste_masks

HEIGHT, WIDTH = 90, 130


def decoded(codes) -> np.ndarray:
    return np.stack([rle.decode(code) for code in codes]).astype(bool)


def smooth(seed: int, shape) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return np.stack([cv2.GaussianBlur(layer, (0, 0), 2.5) * 6 for layer in noise])


def random_boxes(seed: int, count: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    corner, size = rng.uniform(-15, 80, (count, 2)), rng.uniform(2, 70, (count, 2))
    return np.concatenate([corner, corner + size], axis=1)


def test_equals_paddle_detections_paste():
    paddle = pytest.importorskip("paddle")
    functional = paddle.nn.functional
    masks = 1 / (1 + np.exp(-smooth(0, (40, 28, 28))))
    boxes = random_boxes(1, 40)
    pixels_x, pixels_y = np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5
    expected = []
    for mask, (x0, y0, x1, y1) in zip(masks, boxes, strict=True):
        grid = np.stack(np.meshgrid((pixels_x - x0) / (x1 - x0) * 2 - 1, (pixels_y - y0) / (y1 - y0) * 2 - 1), -1)
        whole = functional.grid_sample(
            paddle.to_tensor(mask[None, None]), paddle.to_tensor(grid[None].astype(np.float32)), align_corners=False
        )
        expected.append(whole.numpy()[0, 0] >= 0.5)
    ours = decoded(paste_masks(masks, boxes, HEIGHT, WIDTH))
    assert (ours != np.stack(expected)).sum() <= 3
    assert np.stack(expected).sum() > 5000


def test_boxes_that_hold_no_pixel_give_empty_masks():
    boxes = np.array([[200, 5, 220, 30], [5, -30, 20, -4], [7, 7, 7, 7], [9, 9, 4, 4], [np.nan, 0, 5, 5]])
    masks = np.ones((5, 28, 28))
    assert not decoded(paste_masks(masks, boxes, HEIGHT, WIDTH)).any()
    assert not decoded(paste_in_boxes(np.ones((5, 2)), np.ones((2, 8, 8)), boxes, HEIGHT, WIDTH)).any()
    assert list(paste_masks(masks[:0], boxes[:0], HEIGHT, WIDTH)) == []


def test_a_threshold_shrinks_masks():
    masks, boxes = 1 / (1 + np.exp(-smooth(0, (9, 28, 28)))), random_boxes(1, 9)
    loose, strict = (decoded(paste_masks(masks, boxes, HEIGHT, WIDTH, threshold=t)) for t in (0.3, 0.7))
    assert (strict <= loose).all()
    assert strict.sum() < loose.sum()


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (20, 33), (32, 32), (257, 40)])
def test_free_masks_equal_the_network(size):
    pytest.importorskip("paddle")
    import paddle

    from segcli.models.instance.image_masks import upsampled_positive

    prototypes = smooth(2, (8, 32, 32))
    coefficients = np.random.default_rng(3).normal(size=(20, 8)).astype(np.float32)
    coefficients[0] = 0
    logits = np.tensordot(coefficients, prototypes, axes=1) - 2
    expected = upsampled_positive(paddle.to_tensor(logits.astype(np.float32)), *size).numpy().astype(bool)
    lifted = np.concatenate([prototypes, np.full((1, 32, 32), -2, np.float32)])
    ours = decoded(paste_anywhere(np.concatenate([coefficients, np.ones((20, 1))], axis=1), lifted, *size))
    assert (ours != expected).sum() <= 3
    assert expected.any()
    assert not ours[0].any()


def test_cut_masks_are_those_of_the_network_within_its_rounding():
    """The network enlarges twice, to its input and to the image; once gives the same but for a few border pixels."""
    pytest.importorskip("paddle")
    import paddle

    from segcli.models.instance.ppyoloe_seg import _image_masks

    prototypes = smooth(4, (8, 32, 32))
    coefficients = np.random.default_rng(5).normal(size=(30, 8)).astype(np.float32)
    boxes = np.clip(random_boxes(6, 30), 0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
    in_network = boxes * [128 / WIDTH, 128 / HEIGHT, 128 / WIDTH, 128 / HEIGHT]
    tensors = [paddle.to_tensor(array.astype(np.float32)) for array in (coefficients, prototypes, in_network)]
    expected = _image_masks(*tensors, (128, 128), [HEIGHT, WIDTH]).numpy().astype(bool)
    ours = decoded(paste_in_boxes(coefficients, prototypes, boxes, HEIGHT, WIDTH))
    common, either = (ours & expected).sum(), (ours | expected).sum()
    assert expected.sum() > 5000
    assert common / either > 0.97
    for mask, (x0, y0, x1, y1) in zip(ours, boxes, strict=True):
        rows, columns = np.nonzero(mask)
        assert ((columns >= x0) & (columns < x1) & (rows >= y0) & (rows < y1)).all()
