"""Test-time augmentation of label maps equals PaddleSeg's; probabilities in tiles equal those of the whole image."""

from __future__ import annotations

import numpy as np
import pytest

from segcli.config.schema import SlidingWindowConfig, ViewsConfig
from segcli.errors import UsageError, WeightsError
from segcli.inference.activation import Activation
from segcli.inference.augmented import Augmented, augmented
from segcli.inference.decode_labels import label_maps, resize_logits, scored_maps, softmax
from segcli.inference.label_scores import label_scores
from segcli.inference.on_device import OnDevice
from segcli.inference.tiles import TileSettings, label_map_tiled, scored_map_tiled
from segcli.models.spec import Preprocess


@pytest.fixture(scope="module")
def network():
    """Four classes at half the size of the input."""
    import paddle

    paddle.seed(3)

    class Network(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.convolution = paddle.nn.Conv2D(3, 4, 3, stride=2, padding=1)

        def forward(self, images):
            return [self.convolution(images)]

    return Network()


def forward_of(network):
    import paddle

    return lambda images: network(paddle.to_tensor(images))[0].detach().numpy()


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("scales", [(1.0,), (0.5, 1.0, 1.75)])
def test_equals_paddlesegs(network, flip, scales):
    import paddle

    from segcli.engines.paddleseg.patches import apply_patches

    apply_patches()
    from paddleseg.core.infer import aug_inference

    images = np.random.default_rng(0).normal(size=(1, 3, 32, 48)).astype(np.float32)
    _, expected = aug_inference(network, paddle.to_tensor(images), [], scales=scales, flip_horizontal=flip)
    found = Augmented(forward_of(network), ViewsConfig(flip=flip, scales=scales))(images)
    np.testing.assert_allclose(found, expected.numpy(), atol=2e-5)


def test_the_mean_of_probabilities_is_another_choice(network):
    forward = forward_of(network)
    images = np.random.default_rng(1).normal(size=(2, 3, 16, 24)).astype(np.float32)
    views = [resize_logits(one, 16, 24) for one in forward(images)]
    mirrored = [resize_logits(one[..., ::-1], 16, 24) for one in forward(np.ascontiguousarray(images[..., ::-1]))]
    expected = [(softmax(a) + softmax(b)) / 2 for a, b in zip(views, mirrored, strict=True)]
    found = Augmented(forward, ViewsConfig(flip=True, mean_of="probabilities"))(images)
    np.testing.assert_allclose(np.exp(found), expected, rtol=1e-5)


def test_a_fixed_input_and_label_maps_are_refused():
    views = ViewsConfig(scales=(0.5, 1.0))
    with pytest.raises(UsageError, match="takes 64 x 32 pixels only"):
        augmented(lambda images: images, views, (32, 64))
    with pytest.raises(WeightsError, match="returns label maps"):
        Augmented(lambda images: np.zeros((1, 8, 8), np.int32), views)(np.zeros((1, 3, 8, 8), np.float32))
    given = Activation(2.0, "probabilities")
    assert augmented(len, ViewsConfig(), (32, 64), given) == (len, given), "one view is the network itself"
    assert augmented(len, ViewsConfig(flip=True), None, given)[1] == Activation(2.0), "the mean is one of logits"


def test_probabilities_are_those_of_the_softmax(network):
    rgb = np.random.default_rng(2).integers(0, 256, (33, 47, 3)).astype(np.uint8)
    forward, preprocess = forward_of(network), Preprocess()
    for heat in (1.0, 2.5):
        (found,) = scored_maps(forward, [rgb], preprocess, activation=Activation(heat))
        logits = forward(np.stack([((rgb / 255.0 - 0.5) / 0.5).transpose(2, 0, 1)]).astype(np.float32))[0]
        expected = softmax(resize_logits(logits, 33, 47) / np.float32(heat))
        np.testing.assert_allclose(found.confidence, expected.max(axis=0), rtol=1e-5)
        assert (found.labels == label_maps(forward, [rgb], preprocess)[0]).all()
        np.testing.assert_allclose(
            found.logits, resize_logits(logits, 33, 47).reshape(4, -1)[:, found.places].T, rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("blend", ["uniform", "ramp"])
@pytest.mark.parametrize("on_device", [False, True])
def test_probabilities_in_tiles(network, blend, on_device):
    import paddle

    rgb = np.random.default_rng(3).integers(0, 256, (70, 90, 3)).astype(np.uint8)
    window = SlidingWindowConfig(crop_size=(40, 32), stride=(28, 20))
    plain, preprocess = forward_of(network), Preprocess()
    forward = OnDevice(lambda images: network(paddle.to_tensor(images))[0]) if on_device else plain
    found = scored_map_tiled(forward, rgb, TileSettings(preprocess, window, blend=blend, batch_size=2))
    assert (found.labels == label_map_tiled(plain, rgb, TileSettings(preprocess, window, blend=blend))).all()
    sums, weights = np.zeros((4, 70, 90)), np.zeros((70, 90))
    from segcli.inference.tiles import _weight, tile_starts

    weight = _weight(32, 40, blend)
    weight = np.ones((32, 40)) if weight is None else weight
    for top in tile_starts(70, 32, 20):
        for left in tile_starts(90, 40, 28):
            tile = rgb[top : top + 32, left : left + 40]
            logits = plain(np.stack([((tile / 255.0 - 0.5) / 0.5).transpose(2, 0, 1)]).astype(np.float32))[0]
            sums[:, top : top + 32, left : left + 40] += resize_logits(logits, 32, 40) * weight
            weights[top : top + 32, left : left + 40] += weight
    expected = label_scores((sums / weights).astype(np.float32), 70, 90)
    np.testing.assert_allclose(found.confidence, expected.confidence, rtol=1e-4)
    np.testing.assert_allclose(found.logits, expected.logits, rtol=1e-3, atol=1e-4)
