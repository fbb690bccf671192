"""Our networks learn one tiny batch, and stand a batch without objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest

from segcli.engines.paddledet.networks import build_instance_network
from segcli.models.instance.mask_queries import QueryOutput, QueryPrediction
from segcli.models.instance.recipes import FROM_SCRATCH, merge

SIDE = 64
FEW = {
    "num_sample_points": 256,
    "MaskQueryTransformer": {"num_queries": 20, "num_decoder_layers": 2, "num_denoising": 6},
}


def tiny_batch(name: str, counts: list[int]) -> dict[str, Any]:
    """Bright rectangles on dark ground."""
    rng = np.random.default_rng(1)
    image = rng.random((len(counts), 3, SIDE, SIDE), np.float32) * 0.1
    boxes, masks, classes = [], [], []
    for i, count in enumerate(counts):
        corner = rng.integers(2, 24, (count, 2))
        box = np.concatenate([corner, corner + rng.integers(16, 36, (count, 2))], 1).astype("float32")
        mask = np.zeros((count, SIDE, SIDE), "uint8")
        for k, (x1, y1, x2, y2) in enumerate(box.astype(int)):
            mask[k, y1:y2, x1:x2] = 1
            image[i, :, y1:y2, x1:x2] += 0.4
        boxes.append(box)
        masks.append(paddle.to_tensor(mask))
        classes.append(paddle.to_tensor(rng.integers(0, 2, (count, 1)), dtype="int32"))
    if name.startswith("Mask"):
        boxes = [np.concatenate([(b[:, :2] + b[:, 2:]) / 2, b[:, 2:] - b[:, :2]], 1) / SIDE for b in boxes]
    return {
        "image": paddle.to_tensor(image),
        "gt_bbox": [paddle.to_tensor(b.astype("float32")).reshape([-1, 4]) for b in boxes],
        "gt_class": classes,
        "gt_segm": masks,
    }


def build(name: str) -> Any:
    paddle.seed(1)
    return build_instance_network(name, 2, SIDE, overrides=merge(FROM_SCRATCH, FEW))


@pytest.mark.parametrize(("name", "rate"), [("PP-YOLOE_seg-S", 1e-3), ("Mask-RT-DETR-S", 3e-4)])
def test_the_loss_falls(name: str, rate: float) -> None:
    network = build(name)
    inputs = tiny_batch(name, [2, 1])
    optimizer = paddle.optimizer.AdamW(rate, parameters=network.parameters())
    totals = []
    for _ in range(6):
        losses = network(inputs)
        losses["loss"].backward()
        optimizer.step()
        optimizer.clear_grad()
        totals.append(float(losses["loss"]))

    assert np.isfinite(totals).all()
    assert min(totals[-2:]) < 0.75 * totals[0]


@pytest.mark.parametrize("counts", [[2, 1], [0, 2], [0, 0]])
def test_masks_compared_at_every_pixel_and_boxes_of_tokens(counts: list[int]) -> None:
    paddle.seed(1)
    query = {**FEW["MaskQueryTransformer"], "mask_enhanced": False}
    options = {"num_sample_points": 0, "MaskQueryTransformer": query}
    network = build_instance_network("Mask-RT-DETR-S", 2, SIDE, overrides=FROM_SCRATCH, options=options)
    optimizer = paddle.optimizer.AdamW(3e-4, parameters=network.parameters())
    totals = []
    for _ in range(6):
        losses = network(tiny_batch("Mask-RT-DETR-S", counts))
        losses["loss"].backward()
        optimizer.step()
        optimizer.clear_grad()
        totals.append(float(losses["loss"]))

    assert np.isfinite(totals).all()
    assert min(totals[-2:]) < 0.75 * totals[0]


@pytest.mark.parametrize("name", ["PP-YOLOE_seg-S", "Mask-RT-DETR-S"])
@pytest.mark.parametrize("counts", [[0, 0], [0, 2]])
def test_images_without_objects(name: str, counts: list[int]) -> None:
    network = build(name)
    losses = network(tiny_batch(name, counts))
    losses["loss"].backward()

    assert np.isfinite(float(losses["loss"]))
    assert all(np.isfinite(p.grad.numpy()).all() for p in network.parameters() if p.grad is not None)
    assert set(losses) == set(network(tiny_batch(name, [1, 1])))


def test_the_image_size_scales_the_mask_loss() -> None:
    """The same image and objects at twice the size: the masks' crops follow, so the loss stays of one order."""
    network = build("PP-YOLOE_seg-S")
    small = tiny_batch("PP-YOLOE_seg-S", [2])
    large = {
        "image": paddle.nn.functional.interpolate(small["image"], scale_factor=2),
        "gt_bbox": [b * 2 for b in small["gt_bbox"]],
        "gt_class": small["gt_class"],
        "gt_segm": [
            paddle.nn.functional.interpolate(m.unsqueeze(0).astype("float32"), scale_factor=2)[0]
            for m in small["gt_segm"]
        ],
    }

    assert float(network(large)["loss_mask"]) == pytest.approx(float(network(small)["loss_mask"]), rel=0.5)


@pytest.mark.parametrize("name", ["PP-YOLOE_seg-S", "Mask-RT-DETR-S"])
def test_a_crowd_is_no_object(name: str) -> None:
    network = build(name)
    alone, crowded = tiny_batch(name, [1, 1]), tiny_batch(name, [1, 1])
    for key, more in tiny_batch(name, [3, 3]).items():
        if key != "image":
            crowded[key] = [paddle.concat([a, b[1:]]) for a, b in zip(alone[key], more, strict=True)]
    crowded["is_crowd"] = [paddle.to_tensor([[0], [1], [1]], dtype="int32")] * 2
    found = []
    for inputs in (alone, crowded):
        paddle.seed(5)
        found.append({key: float(value) for key, value in network(inputs).items()})

    assert found[0] == pytest.approx(found[1], rel=1e-3)


def test_a_padded_crowd_is_no_object() -> None:
    network = build("PP-YOLOE_seg-S")
    inputs = tiny_batch("PP-YOLOE_seg-S", [2])
    padded = {key: value if key == "image" else paddle.stack(value) for key, value in inputs.items()}
    padded["is_crowd"] = paddle.to_tensor([[[0], [1]]])
    padded["pad_gt_mask"] = paddle.ones([1, 2, 1])
    first = {key: value if key == "image" else [v[:1] for v in value] for key, value in inputs.items()}

    assert float(network(padded)["loss"]) == pytest.approx(float(network(first)["loss"]), rel=1e-3)


def test_losses_of_half_precision_are_in_single() -> None:
    """Sums over mask points would overflow."""
    network = build("Mask-RT-DETR-S")
    inputs = tiny_batch("Mask-RT-DETR-S", [2])
    said = network.transformer(network.neck(network.backbone(inputs)), inputs)
    halves = [
        QueryPrediction(*[v.astype("float16") for v in (p.logits, p.boxes, p.coefficients)])
        for p in (*said.layers, said.encoder, said.initial)
    ]
    *layers, encoder, initial = halves
    half = QueryOutput(tuple(layers), encoder, initial, said.prototypes.astype("float16"), said.denoising)
    found = []
    for output in (said, half):
        paddle.seed(3)
        found.append(network.detr_head(output, inputs)["loss"])

    assert found[1].dtype == paddle.float32
    assert float(found[1]) == pytest.approx(float(found[0]), rel=0.05)
