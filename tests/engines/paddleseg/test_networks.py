from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from segcli.cpu import paddles_own_convolutions
from segcli.engines.paddleseg.networks import build
from segcli.engines.paddleseg.patches import PATCHES, apply_patches
from segcli.models.semantic.table import SEMANTIC_MODELS
from segcli.models.table import get_spec
from segcli.networks import build_network

Shared = Callable[[str], Path]
MASKFORMER = next(patch for patch in PATCHES if patch.owner.endswith("MaskFormer"))
WINDOWS = next(patch for patch in PATCHES if patch.owner.endswith("BasicLayer"))


def image(batch: int, side: int, seed: int = 0) -> Any:
    random = np.random.default_rng(seed)
    return paddle.to_tensor(random.normal(size=(batch, 3, side, side)).astype(np.float32))


OFFICIAL = [spec.name for spec in SEMANTIC_MODELS if spec.weights]


def test_there_are_twenty_official_ones() -> None:
    assert len(set(OFFICIAL)) == 20


@pytest.mark.parametrize("name", OFFICIAL)
def test_names_and_shapes_are_the_official_ones(name: str, shared: Shared) -> None:
    official = json.loads(shared("refs/statedicts_semantic.json").read_text())[name]["state_dict"]
    num_classes = 150 if name.startswith(("SeaFormer", "MaskFormer")) else 19

    network = build_network(name, num_classes, lazy=True)

    ours = {key: list(tensor.shape) for key, tensor in network.state_dict().items()}
    assert ours == official
    assert list(ours) == list(official)


def test_lazy_network_computes_the_same_once_loaded() -> None:
    network, lazy = (build_network("PP-LiteSeg-T", 3, lazy=lazy) for lazy in (False, True))
    lazy.set_state_dict(network.state_dict())
    network.eval()
    lazy.eval()

    np.testing.assert_array_equal(network(image(1, 64))[0].numpy(), lazy(image(1, 64))[0].numpy())


def test_parameter_names_restart() -> None:
    first, second = (build_network("SegFormer-B0", 2, lazy=True) for _ in range(2))

    assert [tensor.name for tensor in first.parameters()] == [tensor.name for tensor in second.parameters()]


@pytest.mark.parametrize("name", ["PP-LiteSeg-T", "SegFormer-B0", "SeaFormer_tiny", "OCRNet_HRNet-W18", "UNet-S"])
def test_outputs_have_the_images_size(name: str) -> None:
    network = build(get_spec(name), 4)
    network.eval()

    assert network(image(2, 64))[0].shape == [2, 4, 64, 64]


def test_the_small_unet_takes_any_size() -> None:
    network = build(get_spec("UNet-S"), 4)
    network.eval()

    assert network(paddle.zeros([1, 3, 37, 50]))[0].shape == [1, 4, 37, 50]


@pytest.fixture(scope="module")
def maskformer() -> Any:
    network = build(get_spec("MaskFormer_tiny"), 3)
    network.eval()
    return network


def test_maskformer_returns_every_image_of_a_batch(maskformer: Any) -> None:
    batch = image(2, 64)
    together = maskformer(batch)[0].numpy()
    alone = [MASKFORMER.original(maskformer, batch[index : index + 1])[0].numpy() for index in range(2)]

    assert together.shape == (2, 3, 64, 64)
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_maskformer_computes_the_masks_that_are_used(maskformer: Any) -> None:
    import paddle

    patch = next(patch for patch in PATCHES if patch.owner.endswith("TransformerPredictor"))
    predictor = maskformer.seghead.predictor
    paddle.seed(0)
    features, pixels = paddle.randn([2, 768, 3, 4]), paddle.randn([2, 256, 24, 32])
    found, every = predictor(features, pixels), patch.original(predictor, features, pixels)
    assert len(every["aux_outputs"]) == 5
    for name in ("pred_logits", "pred_masks"):
        expected = every[name].numpy()
        np.testing.assert_allclose(found[name].numpy(), expected, rtol=0, atol=1e-6 * abs(expected).max())
    predictor.train()
    assert len(predictor(features, pixels)["aux_outputs"]) == 5
    predictor.eval()


def test_maskformer_returned_the_last_image_only(maskformer: Any) -> None:
    assert MASKFORMER.original(maskformer, image(2, 64))[0].shape == [1, 3, 64, 64]


@pytest.mark.parametrize(("height", "width"), [(10, 16), (7, 14)])
def test_shifted_windows_have_the_regions_that_were_painted(height: int, width: int) -> None:
    apply_patches()
    from paddleseg.models.backbones.swin_transformer import BasicLayer

    paddle.seed(0)
    layer = BasicLayer(dim=8, depth=2, num_heads=2, window_size=7)
    layer.eval()
    features = paddle.randn([2, height * width, 8])

    ours, *sizes = layer(features, height, width)
    theirs, *expected = WINDOWS.original(layer, features, height, width)

    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert [sizes[0], sizes[1], *sizes[3:]] == [expected[0], expected[1], *expected[3:]]


def test_maskformer_trains(maskformer: Any) -> None:
    maskformer.train()
    outputs = maskformer(image(1, 64))
    maskformer.eval()

    assert len(outputs) == 1
    assert {"pred_logits", "pred_masks"} <= set(outputs[0])


def export(network: Any, shape: list[int], path: Path) -> Any:
    """The network after a trip through the format of exported models."""
    network.eval()
    static = paddle.jit.to_static(network, input_spec=[paddle.static.InputSpec(shape)], full_graph=True)
    paddle.jit.save(static, str(path))
    return paddle.jit.load(str(path))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_maskformer_exports_at_a_fixed_shape(maskformer: Any, tmp_path: Path) -> None:
    expected = maskformer(image(1, 64))[0].numpy()

    exported = export(maskformer, [1, 3, 64, 64], tmp_path / "model")

    assert "set_value" not in (tmp_path / "model.json").read_text(), "OpenVINO cannot open what becomes of it"
    np.testing.assert_allclose(exported(image(1, 64)).numpy(), expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_seaformer_exports_at_free_shapes(tmp_path: Path) -> None:
    network = build(get_spec("SeaFormer_tiny"), 3)
    network.eval()
    with paddle.no_grad(), paddles_own_convolutions():  # with random weights SeaFormer enlarges what rounding changes
        expected = {(batch, side): network(image(batch, side))[0].numpy() for batch, side in ((1, 64), (2, 96))}

    exported = export(network, [-1, 3, -1, -1], tmp_path / "model")

    for (batch, side), logits in expected.items():
        np.testing.assert_allclose(exported(image(batch, side)).numpy(), logits, atol=1e-4)


def test_maskformer_takes_images_of_any_ratio(maskformer: Any) -> None:
    """As it is measured: the short side fixed, the ratio kept."""
    assert maskformer(paddle.zeros([1, 3, 64, 107]))[0].shape == [1, 3, 64, 107]
