from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from segcli.models.semantic.seaformer import SIZES
from segcli.models.semantic.seaformer_backbone import ConvBN, DropPath
from segcli.networks import build_network

Shared = Callable[[str], Path]


def load_module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("size", sorted(SIZES))
def test_equal_to_the_reference(size: str, shared: Shared) -> None:
    weights = load_module(shared("refs/detweights.py"))
    golden = np.load(shared("refs/seaformer_golden.npz"))[size]
    network = build_network(f"SeaFormer_{size}", num_classes=5, lazy=True)
    for name, tensor in network.state_dict().items():
        torch_name = name.replace("._mean", ".running_mean").replace("._variance", ".running_var")
        tensor.set_value(weights.det_array(torch_name, tensor.shape))
    network.eval()
    image = ((weights.det_image(96, 160) / 255 - 0.5) / 0.5).astype(np.float32).transpose(2, 0, 1)[None]

    logits = network(paddle.to_tensor(image))[0].numpy()

    np.testing.assert_allclose(logits[:, :, ::2, ::2], golden, atol=1e-6)


@pytest.mark.parametrize("groups", [1, 32])
def test_initial_weights_keep_the_scale(groups: int) -> None:
    paddle.seed(0)
    weight = ConvBN(32, 128, 3, groups=groups)._conv.weight.numpy()

    assert weight.std() == pytest.approx(np.sqrt(2 / (9 * 128 / groups)), rel=0.05)


def test_untrained_network_gives_moderate_logits() -> None:
    paddle.seed(0)
    network = build_network("SeaFormer_tiny", num_classes=3)
    network.eval()

    logits = network(paddle.randn([1, 3, 64, 64]))[0].numpy()

    assert np.abs(logits).max() < 100


def test_every_weight_learns() -> None:
    network = build_network("SeaFormer_tiny", num_classes=3)
    logits = network(paddle.randn([2, 3, 64, 96]))
    (logits[0] ** 2).mean().backward()

    assert len(logits) == 1
    assert all(parameter.grad is not None for parameter in network.parameters() if not parameter.stop_gradient)


def test_drop_path_drops_whole_images_and_keeps_the_mean() -> None:
    paddle.seed(0)
    layer = DropPath(0.25)
    dropped = layer(paddle.ones([4000, 2, 1, 1])).numpy()
    layer.eval()

    assert set(np.unique(dropped)) == {0.0, np.float32(1 / 0.75)}
    np.testing.assert_array_equal(dropped[:, 0], dropped[:, 1])
    assert dropped.mean() == pytest.approx(1.0, abs=0.05)
    assert layer(paddle.ones([8, 1, 1, 1])).numpy().min() == 1.0
