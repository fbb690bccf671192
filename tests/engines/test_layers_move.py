"""From random weights a short run turns the weights of every layer, and throws none of them up."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest

from segcli.engines.paddledet.networks import build_instance_network
from segcli.engines.paddleseg.networks import build
from segcli.engines.paddleseg.parts import build_losses, build_optimizer, build_schedule, compute_losses
from segcli.models.instance.recipes import FROM_SCRATCH
from segcli.models.semantic.table import SEMANTIC_MODELS
from segcli.models.table import get_spec

SIDE, CLASSES, STEPS = 64, 3, 6
QUICK = ("PP-LiteSeg-T", "SeaFormer_tiny", "UNet-S")
LEFT_OUT = ("W48", "R101", "B3", "B4", "B5", "SeaFormer_small", "base", "large", "MaskFormer_tiny", "MaskFormer_small")
"""Larger networks of the same parts, and those whose loss wants masks of their own."""
MODELS = [
    spec.name if spec.name in QUICK else pytest.param(spec.name, marks=pytest.mark.slow)
    for spec in SEMANTIC_MODELS
    if spec.name in QUICK or not spec.name.endswith(LEFT_OUT)
]


def directions(network: Any) -> dict[str, np.ndarray]:
    """The weights of the convolutions and products, by name."""
    return {
        name: parameter.numpy().astype(np.float64).ravel()
        for name, parameter in network.named_parameters()
        if parameter.ndim in (2, 4) and name.endswith("weight") and not parameter.stop_gradient
    }


def turned(before: np.ndarray, after: np.ndarray) -> float:
    """1 - cosine of the angle between two directions."""
    return 1 - float(before @ after / max(np.linalg.norm(before) * np.linalg.norm(after), 1e-30))


@pytest.mark.parametrize("name", MODELS)
def test_a_short_run_turns_every_layer(name: str) -> None:
    spec = get_spec(name)
    assert spec.recipe is not None
    paddle.seed(0)
    network = build(spec, CLASSES)
    schedule = build_schedule(
        spec.recipe.lr_scheduler, learning_rate=spec.recipe.learning_rate, warmup_steps=0, iterations=1000
    )
    optimizer = build_optimizer(spec.recipe.optimizer, network, schedule)
    losses = build_losses(spec.recipe.loss, num_classes=CLASSES, ignore_index=255, class_weights=None)
    rng = np.random.default_rng(0)
    first = directions(network)
    after_one: dict[str, np.ndarray] = {}
    for step in range(STEPS):
        label = rng.integers(0, CLASSES, (2, SIDE // 16, SIDE // 16)).repeat(16, 1).repeat(16, 2)
        image = label[:, None] / CLASSES + rng.normal(0, 0.2, (2, 3, SIDE, SIDE))
        data: dict[str, Any] = {"img": paddle.to_tensor(image.astype("float32")), "label": paddle.to_tensor(label)}
        sum(compute_losses(network, network, data, losses)).backward()
        optimizer.step()
        optimizer.clear_grad()
        if step == 0:
            after_one = directions(network)

    last = directions(network)
    for key, weights in last.items():
        assert turned(first[key], weights) > 1e-12, f"{key} stays where it was"
        assert np.abs(weights).max() < 100 * max(np.abs(first[key]).max(), 1e-3), f"{key} was thrown up"
        assert turned(after_one[key], weights) > 1e-12, f"{key} moves no more"


@pytest.mark.parametrize(
    "name",
    [
        "SeedUNet-S",
        *[
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("Cascade-MaskRCNN-ResNet50-vd-SSLDv2-FPN", "Mask-RT-DETR-S", "SOLOv2", "PP-YOLOE_seg-S")
        ],
    ],
)
def test_from_random_weights_every_layer_of_an_instance_model_has_the_whole_rate(name: str) -> None:
    network = build_instance_network(name, 2, SIDE, overrides=FROM_SCRATCH)

    reduced = {
        key: parameter.optimize_attr["learning_rate"]
        for key, parameter in network.named_parameters()
        if not parameter.stop_gradient and parameter.optimize_attr.get("learning_rate", 1.0) < 1.0
    }
    assert reduced == {}
