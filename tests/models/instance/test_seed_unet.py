"""The U-Net of cores: what it says of pixels, and what it learns where there are no objects."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from segcli.engines.paddledet.seed_targets import SeedTargets
from segcli.models.instance.seed_unet import SeedUNet

SIDE = 48


@pytest.fixture
def network() -> SeedUNet:
    paddle.seed(0)
    return SeedUNet(num_classes=2, channels=(4, 8, 8))


def test_maps_are_the_odds_of_each_class(network: SeedUNet) -> None:
    network.eval()
    images = paddle.rand([2, 3, SIDE, SIDE])

    found = network({"image": images})

    likely = paddle.nn.functional.softmax(network.pixel_maps(images)[0], axis=1)[:, 1:].numpy()
    np.testing.assert_allclose(1 / (1 + np.exp(-found["inside"].numpy())), likely, atol=1e-5)
    assert found["core"].shape == [2, 1, SIDE, SIDE]


def test_a_certain_pixel_has_finite_odds(network: SeedUNet) -> None:
    network.eval()
    network.classifier.bias.set_value(paddle.to_tensor([-200.0, 200.0, -200.0]))

    found = network({"image": paddle.rand([1, 3, SIDE, SIDE])})

    assert np.isfinite(found["inside"].numpy()).all()


def test_images_without_objects_teach(network: SeedUNet) -> None:
    sample = {"image": np.zeros((3, SIDE, SIDE), np.float32), "gt_segm": np.zeros((0, SIDE, SIDE), np.uint8)}
    targets = SeedTargets()([{**sample, "gt_class": np.zeros((0, 1), np.int32)}] * 2)
    batch = {name: paddle.to_tensor(np.stack([one[name] for one in targets])) for name in targets[0]}

    losses = network(batch)
    losses["loss"].backward()

    assert float(losses["loss"]) > 0
    assert all(float(layer.bias.grad.abs().sum()) > 0 for layer in (network.classifier, network.core))
