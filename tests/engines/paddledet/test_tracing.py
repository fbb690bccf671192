"""Networks traced for export say what they say eagerly (one image)."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest

from segcli.engines.paddledet.networks import build_instance_network
from segcli.models.instance.recipes import FROM_SCRATCH
from tests.engines.paddledet import tiny

SIDE = 64


def ours(name: str) -> Any:
    paddle.seed(0)
    network = build_instance_network(name, 2, SIDE, overrides=FROM_SCRATCH)
    if name.startswith("PP"):
        for layer in network.yolo_head.pred_cls:  # confident enough that something is found
            layer.weight.set_value(paddle.randn(layer.weight.shape))
    return network


def traced(network: Any, height: int, width: int, method: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What ``method`` of the network gives traced and eagerly for one random image."""
    network.eval()

    class Exported(paddle.nn.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, im_shape: Any, image: Any, scale_factor: Any) -> Any:
            inputs = {"im_shape": im_shape, "image": image, "scale_factor": scale_factor}
            return list(getattr(self.network, method)(inputs).values())

    shapes = ([1, 2], [1, 3, height, width], [1, 2])
    spec = [paddle.static.InputSpec(shape, "float32") for shape in shapes]
    arguments = [
        paddle.to_tensor([[float(height), float(width)]]),
        paddle.to_tensor(np.random.default_rng(0).random((1, 3, height, width), np.float32)),
        paddle.to_tensor([[2.0, 1.6]]),
    ]
    layer = Exported()
    with paddle.no_grad():
        eager = [v.numpy() for v in layer.forward(*arguments)]
        static = [v.numpy() for v in paddle.jit.to_static(layer, input_spec=spec, full_graph=True)(*arguments)]
    return static, eager


OURS = [
    ("Mask-RT-DETR-S", "forward"),
    pytest.param("Mask-RT-DETR-S", "predict_prototypes", marks=pytest.mark.slow),
    pytest.param("PP-YOLOE_seg-S", "forward", marks=pytest.mark.slow),
    pytest.param("PP-YOLOE_seg-S", "predict_prototypes", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "method"), OURS)
def test_ours(name: str, method: str) -> None:
    static, eager = traced(ours(name), SIDE, SIDE, method)

    assert [v.shape for v in static] == [v.shape for v in eager]
    for a, b in zip(static, eager, strict=True):
        assert np.abs(a.astype("float64") - b).max() < 1e-3
    assert len(eager[0]) > 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MaskRCNN-ResNet50-FPN", "Cascade-MaskRCNN-ResNet50-FPN", "SOLOv2"])
def test_the_wheels(name: str) -> None:
    static, eager = traced(tiny.network(name), tiny.HEIGHT, tiny.WIDTH, "forward")

    assert [v.shape for v in static] == [v.shape for v in eager]
    if name == "SOLOv2":
        assert np.abs(static[3] - eager[3]).max() < 1e-4
        return
    # proposals of one score come in any order
    gaps = np.abs(static[0][:, None] - eager[0][None]).max(-1)
    assert gaps.min(axis=1).max() < 1e-2
