"""Evaluation of our networks: sizes, batches, prototypes."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import paddle
import pytest

from segcli.engines.paddledet.networks import build_instance_network

NAMES = ["PP-YOLOE_seg-S", "Mask-RT-DETR-S"]


@pytest.fixture(scope="module", params=NAMES)
def network(request: pytest.FixtureRequest) -> Any:
    paddle.seed(0)
    built = build_instance_network(request.param, 3, 64)
    if request.param.startswith("PP"):
        confident = built.yolo_head.pred_cls
        for layer in built.yolo_head.pred_reg:  # sides that fall between the pixels
            layer.weight.set_value(paddle.randn(layer.weight.shape) * 0.05)
        for layer in built.yolo_head.pred_ins:  # and masks that are decided
            layer.bias.set_value(paddle.randn(layer.bias.shape) * 20)
    else:
        confident = [built.transformer.score_head]
    for layer in confident:  # enough for something to be found
        layer.bias.set_value(paddle.zeros_like(layer.bias))
    built.eval()
    return built


def batch(images: list[tuple[int, int]], height: int, width: int) -> dict[str, Any]:
    """Random images, resized to height x width from their original sizes."""
    rng = np.random.default_rng(3)
    scale = [[height / h, width / w] for h, w in images]
    return {
        "image": paddle.to_tensor(rng.random((len(images), 3, height, width), np.float32)),
        "im_shape": paddle.to_tensor([[float(height), float(width)]] * len(images)),
        "scale_factor": paddle.to_tensor(scale, dtype="float32"),
    }


def test_two_images_are_as_one_and_one(network: Any) -> None:
    pair = batch([(70, 50), (90, 120)], 64, 64)
    with paddle.no_grad():
        together = network(pair)
        single = [network({key: value[i : i + 1] for key, value in pair.items()}) for i in range(2)]
    counts = together["bbox_num"].tolist()
    first = counts[0]

    assert counts == [int(one["bbox_num"]) for one in single]
    assert together["mask"].shape == [sum(counts), 90, 120]
    for one, rows in zip(single, (slice(0, first), slice(first, None)), strict=True):
        assert np.allclose(one["bbox"].numpy(), together["bbox"][rows].numpy(), atol=1e-3)
    assert (single[0]["mask"].numpy() != together["mask"].numpy()[:first, :70, :50]).mean() < 1e-4
    assert together["mask"].numpy()[:first, 70:].sum() == 0
    assert together["mask"].numpy()[:first, :, 50:].sum() == 0


@pytest.mark.parametrize(("height", "width"), [(64, 96), (96, 64), (128, 128)])
def test_any_size_after_another(network: Any, height: int, width: int) -> None:
    with paddle.no_grad():
        output = network(batch([(height // 2, width // 2)], height, width))
    bbox = output["bbox"].numpy()

    assert len(bbox) == int(output["bbox_num"])
    assert np.isfinite(bbox).all()
    assert (bbox[:, 0] < 3).all()
    assert output["mask"].shape[1:] == [height // 2, width // 2]


def test_prototypes_give_the_same_masks(network: Any) -> None:
    inputs = batch([(96, 96)], 64, 64)
    with paddle.no_grad():
        masks = network(inputs)["mask"].numpy()
        raw = {key: value.numpy() for key, value in network.predict_prototypes(inputs).items()}
    coefficients = raw["coefficients"].reshape(len(masks), -1)
    logits = np.tensordot(coefficients, raw["prototypes"][0], axes=1)
    for mask, logit, box in zip(masks, logits, raw["bbox"][:, 2:], strict=True):
        if hasattr(network, "yolo_head"):
            inside = np.zeros((64, 64), np.float32)
            x1, y1, x2, y2 = np.ceil(box * 64 / 96).astype(int).clip(0, 64)
            inside[y1:y2, x1:x2] = 1
            prob = cv2.resize(1 / (1 + np.exp(-logit)), (64, 64)) * inside
            own = cv2.resize(prob, (96, 96)) > 0.5
        else:
            own = cv2.resize(logit, (96, 96)) > 0
        assert (own != mask).mean() < 2e-3


def test_the_scores_fall(network: Any) -> None:
    with paddle.no_grad():
        scores = network(batch([(64, 64)], 64, 64))["bbox"][:, 1].numpy()

    assert len(scores) > 1
    assert (np.diff(scores) <= 1e-6).all()
