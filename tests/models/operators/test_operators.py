"""Each operator against Paddle's own: values, gradients, and that it is used in training only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from paddle import nn

from segcli.engines.paddleseg.networks import build
from segcli.engines.paddleseg.parts import build_losses, compute_losses
from segcli.models.operators import resizing
from segcli.models.operators.activations import swish
from segcli.models.operators.cross_entropy import cross_entropy
from segcli.models.operators.layers import use_own_layers
from segcli.models.operators.narrowing import FEWEST_VALUES, NarrowingConv2D
from segcli.models.operators.resizing import interpolate
from segcli.models.table import get_spec

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(0)


def values_and_gradient(function: Callable[[Any], Any], given: Array) -> tuple[Array, Array, str]:
    """Result, gradient of a weighted sum of it, and the name of its last operator."""
    x = paddle.to_tensor(given, stop_gradient=False)
    result = function(x)
    weight = np.random.default_rng(1).random(result.shape, np.float32)
    (result * paddle.to_tensor(weight)).sum().backward()
    return result.numpy(), x.grad.numpy(), result.grad_fn.name()


def assert_near(ours: Array, theirs: Array, most: float = 2e-6) -> None:
    """Equal but for rounding: `most` of the largest value."""
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=most * np.abs(theirs).max())


@pytest.mark.parametrize("is_aligned", [False, True])
@pytest.mark.parametrize(
    ("source", "target"), [((5, 7), (40, 33)), ((1, 1), (6, 6)), ((8, 9), (8, 9)), ((9, 8), (4, 3))]
)
def test_resizing_is_paddles(source: tuple[int, int], target: tuple[int, int], is_aligned: bool) -> None:
    given = RANDOM.normal(size=(2, 3, *source)).astype(np.float32)
    options = {"mode": "bilinear", "align_corners": is_aligned}
    ours, theirs = (
        values_and_gradient(lambda x, f=function: f(x, size=target, **options), given)
        for function in (interpolate, F.interpolate)
    )

    assert_near(ours[0], theirs[0])
    assert_near(ours[1], theirs[1])
    assert "Matmul" in ours[2]


def test_resizing_takes_the_size_as_a_tensor() -> None:
    x = paddle.rand([1, 2, 4, 4])
    x.stop_gradient = False

    resized = interpolate(x, paddle.shape(paddle.zeros([1, 1, 8, 6]))[2:], mode="bilinear", align_corners=False)

    assert resized.shape == [1, 2, 8, 6] and "Matmul" in resized.grad_fn.name()


@pytest.mark.parametrize("options", [{"size": [10, 14]}, {"scale_factor": 2.0}, {"size": [15, 7], "mode": "nearest"}])
@pytest.mark.parametrize("is_layer", [False, True])
def test_nearest_enlargement_is_paddles(options: dict[str, Any], is_layer: bool) -> None:
    layer = nn.Upsample(**options)
    assert use_own_layers(layer) == 1
    ours = layer if is_layer else lambda x: interpolate(x, **options)
    given = RANDOM.normal(size=(2, 3, 5, 7)).astype(np.float32)
    mine, theirs = (values_and_gradient(f, given) for f in (ours, lambda x: F.interpolate(x, **options)))

    np.testing.assert_array_equal(mine[0], theirs[0])
    assert_near(mine[1], theirs[1])
    assert "PyLayer" in mine[2]


@pytest.mark.parametrize("factor", [2, 0.5])
def test_bilinear_resizing_by_a_factor_is_paddles(factor: float) -> None:
    options = {"scale_factor": factor, "mode": "bilinear", "align_mode": 0}
    layer = nn.Upsample(**options)
    use_own_layers(layer)
    given = RANDOM.normal(size=(1, 2, 6, 8)).astype(np.float32)
    ours, theirs = (values_and_gradient(f, given) for f in (layer, lambda x: F.interpolate(x, **options)))

    assert_near(ours[0], theirs[0])
    assert_near(ours[1], theirs[1])
    assert "Matmul" in ours[2]


@pytest.mark.parametrize(
    "options",
    [
        {"size": [9, 8], "mode": "nearest"},
        {"size": [2, 2], "mode": "nearest"},
        {"size": [164, 8], "mode": "nearest"},  # 41 times, at which Paddle rounds to the row before
        {"scale_factor": [2, 3], "mode": "bilinear"},
        {"scale_factor": 1.3, "mode": "bilinear"},
        {"size": [8, 8], "mode": "bilinear", "align_mode": 1},
        {"size": [8, 8], "mode": "bicubic"},
    ],
)
def test_other_resizing_stays_paddles(options: dict[str, Any]) -> None:
    given = RANDOM.normal(size=(1, 2, 4, 4)).astype(np.float32)
    ours, theirs = (values_and_gradient(lambda x, f=f: f(x, **options), given) for f in (interpolate, F.interpolate))

    np.testing.assert_array_equal(ours[0], theirs[0])
    assert ours[2] == theirs[2]


@pytest.mark.parametrize(
    "options",
    [{"size": [0, 8]}, {"size": [8, 8], "scale_factor": 2}, {"scale_factor": 2, "align_corners": True}],
)
def test_wrong_options_of_resizing_are_refused_by_paddle(options: dict[str, Any]) -> None:
    given = RANDOM.normal(size=(1, 2, 4, 4)).astype(np.float32)
    with pytest.raises((ValueError, AssertionError), match=r"greater than 0|Only one of|align_corners"):
        values_and_gradient(lambda x: interpolate(x, mode="nearest", **options), given)


def test_maps_for_which_products_are_many_are_resized_by_paddle(monkeypatch: pytest.MonkeyPatch) -> None:
    given = RANDOM.normal(size=(1, 1, 12, 12)).astype(np.float32)
    monkeypatch.setattr(resizing, "MOST_PRODUCTS", 23)  # 12 * (1 + 12 / 12) are needed

    assert "Bilinear" in values_and_gradient(lambda x: interpolate(x, [12, 12], mode="bilinear"), given)[2]


LABELS = RANDOM.integers(0, 5, (2, 70, 300))  # more pixels than a band has
LABELS[:, :9] = 255
LOGITS = RANDOM.normal(0, 3, (2, 5, 70, 300)).astype(np.float32)
LOGITS[0, :, 20] *= 60  # differences that Paddle cuts


@pytest.mark.parametrize("axis", [1, -1])
@pytest.mark.parametrize("weights", [None, [0.5, 1.0, 2.0, 0.0, 4.0]])
def test_cross_entropy_is_paddles(axis: int, weights: list[float] | None) -> None:
    labels = paddle.to_tensor(LABELS if axis == -1 else LABELS[:, None])
    weight = None if weights is None else paddle.to_tensor(weights)

    def losses_by(function: Callable[..., Any]) -> tuple[Array, Array, str]:
        def losses(x: Any) -> Any:
            logits = x if axis == 1 else x.transpose([0, 2, 3, 1])
            # Paddle takes no weights with another axis than the last one
            own = {} if weight is None else {"weight": weight}
            return function(logits, labels, ignore_index=255, reduction="none", axis=axis, **own)

        return values_and_gradient(losses, LOGITS)

    ours, theirs = losses_by(cross_entropy), losses_by(F.cross_entropy)

    assert ours[0].shape == theirs[0].shape
    assert_near(ours[0], theirs[0])
    assert_near(ours[1], theirs[1])
    assert ours[0].max() > 60  # cut at 64


@pytest.mark.parametrize("label", [5, -1])
def test_labels_without_a_class_are_refused_as_by_paddle(label: int) -> None:
    labels = LABELS.copy()
    labels[0, 30, 30] = label

    def messages(function: Callable[..., Any]) -> str:
        logits = paddle.to_tensor(LOGITS, stop_gradient=False)
        with pytest.raises((ValueError, IndexError)) as fault:
            function(logits.transpose([0, 2, 3, 1]), paddle.to_tensor(labels), ignore_index=255, reduction="none")
        return str(fault.value).splitlines()[-1]

    assert messages(cross_entropy) == messages(F.cross_entropy)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 3e38, np.nan])
def test_logits_of_a_diverged_network_are_not_warned_of(value: float) -> None:
    """Their losses are what the training stops at; NumPy's warnings would come before that."""
    logits = LOGITS.copy()
    logits[0, 1, 30, 30], logits[0, 2, 30, 30] = value, -3e38
    labels = paddle.to_tensor(LABELS)

    ours, theirs = (
        values_and_gradient(
            lambda x, f=function: f(x.transpose([0, 2, 3, 1]), labels, ignore_index=255, reduction="none"), logits
        )[0]
        for function in (cross_entropy, F.cross_entropy)
    )

    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("kernel", "dilation", "padding"), [(3, 1, 1), (3, 1, "same"), (3, 2, 2), (5, 1, 2), ((1, 3), 1, (0, 1))]
)
@pytest.mark.parametrize("has_bias", [False, True])
def test_narrowing_convolution_is_paddles(kernel: Any, dilation: int, padding: Any, has_bias: bool) -> None:
    paddle.seed(0)
    layer = nn.Conv2D(64, 4, kernel, padding=padding, dilation=dilation, bias_attr=None if has_bias else False)
    given = RANDOM.normal(size=(2, 64, 40, 41)).astype(np.float32)
    found = []
    for kind in (nn.Conv2D, NarrowingConv2D):
        assert type(layer) is kind
        values, gradient, _ = values_and_gradient(layer, given)
        found.append([values, gradient, *(parameter.grad.numpy() for parameter in layer.parameters())])
        layer.clear_gradients()
        assert use_own_layers(layer) == (kind is nn.Conv2D)

    for theirs, ours in zip(*found, strict=True):
        assert_near(ours, theirs, 5e-6)  # Paddle adds the gradient of a bias less precisely


def test_a_narrowing_convolution_takes_no_image() -> None:
    """Such as the features of no box."""
    layer = nn.Conv2D(64, 4, 3, padding=1)
    assert use_own_layers(layer) == 1
    x = paddle.zeros([0, 64, 40, 41])
    x.stop_gradient = False

    assert layer(x).shape == [0, 4, 40, 41]


@pytest.mark.parametrize(
    "options",
    [
        {"out_channels": 33},
        {"stride": 2},
        {"groups": 4},
        {"padding": 0},
        {"kernel_size": 1, "padding": 0},
        {"padding": "same", "dilation": 2},
        {"padding_mode": "reflect"},
        {"data_format": "NHWC"},
    ],
)
def test_other_convolutions_narrow_nothing(options: dict[str, Any]) -> None:
    given = {"in_channels": 64, "out_channels": 32, "kernel_size": 3, "padding": 1, "bias_attr": False, **options}

    assert not NarrowingConv2D.suits(nn.Conv2D(**given))


def test_outside_training_narrowing_and_resizing_are_paddles() -> None:
    """Evaluations, exported networks and static graphs compute as they did; of ours, evaluations have oneDNN alone."""
    paddle.seed(0)
    layer = nn.Conv2D(64, 4, 3, padding=1)
    x = paddle.rand([1, 64, 32, 32])
    assert x.size >= FEWEST_VALUES
    plain = layer(x).numpy()
    use_own_layers(layer)

    with paddle.no_grad():
        x.stop_gradient = False
        np.testing.assert_array_equal(layer(x.detach()).numpy(), plain)
    small = x[:, :2].detach()
    np.testing.assert_array_equal(
        interpolate(small, [64, 64], mode="bilinear").numpy(), F.interpolate(small, [64, 64], mode="bilinear").numpy()
    )


class Enlarged(nn.Layer):
    """With ten operators more: Paddle makes no graph of fewer."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow, self.deep = nn.Conv2D(64, 8, 3, padding=1), nn.Conv2D(8, 8, 5, padding=2, groups=8)
        self.wide, self.larger = nn.Conv2D(8, 16, 1), nn.Upsample(scale_factor=2)

    def forward(self, x: Any) -> Any:
        for _ in range(10):
            x = x + 0.1
        return interpolate(swish(self.larger(self.wide(self.deep(self.narrow(x))))), [80, 80], mode="bilinear")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_network_that_trains_as_a_static_graph_is_one_graph_of_paddles() -> None:
    network = Enlarged()
    use_own_layers(network)
    given = RANDOM.normal(size=(1, 64, 32, 32)).astype(np.float32)
    ours, static = (values_and_gradient(f, given) for f in (network, paddle.jit.to_static(network.forward)))

    assert_near(static[0], ours[0])
    assert_near(static[1], ours[1])
    assert "Dy2St" in static[2]


@pytest.mark.parametrize("name", ["PP-LiteSeg-T", "SegFormer-B0", "SeaFormer_tiny"])
def test_a_network_has_paddles_losses_and_gradients(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All operators at once, against the same network with Paddle's.

    But for convolutions of each channel, which `test_maps` compares: SeaFormer with random weights enlarges any
    difference of rounding 100,000 times.
    """
    monkeypatch.setattr("segcli.models.operators.depthwise.FEWEST_PRODUCTS", 1 << 30)
    spec = get_spec(name)
    assert spec.recipe is not None
    parts = build_losses(spec.recipe.loss, num_classes=4, ignore_index=255, class_weights=None)
    paddle.seed(0)
    random, network = np.random.default_rng(1), build(spec, 4)
    network.eval()  # no dropout, and statistics that do not follow from few pixels
    batch = {
        "img": paddle.to_tensor(random.normal(size=(1, 3, 192, 192)).astype(np.float32), stop_gradient=False),
        "label": paddle.to_tensor(random.integers(0, 4, (1, 192, 192))),
    }
    found = []
    for is_paddles in (False, True):
        if is_paddles:
            monkeypatch.setattr("segcli.models.operators.is_ours", lambda *_: False)
        loss = sum(compute_losses(network, network, batch, {**parts, "types": parts["types"][:1], "coef": [1.0]}))
        loss.backward()
        gradients = {key: value.grad for key, value in network.named_parameters()}
        found.append(
            {"": loss.numpy(), **{key: value.numpy() for key, value in gradients.items() if value is not None}}
        )
        network.clear_gradients(set_to_zero=False)
    ours, theirs = found

    assert ours.keys() == theirs.keys()
    assert float(ours[""]) == pytest.approx(float(theirs[""]), rel=1e-6)
    for key, values in theirs.items():
        np.testing.assert_allclose(ours[key], values, rtol=0, atol=1e-4 * max(np.abs(values).max(), 1e-6), err_msg=key)
