"""Convolutions with a bias, those of each channel by itself, and activations, against Paddle's in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from paddle import nn

from segcli.models.operators import onednn
from segcli.models.operators.activations import swish
from segcli.models.operators.bias import BiasedConv2D, BiasedConv2DTranspose
from segcli.models.operators.depthwise import DepthwiseConv2D
from segcli.models.operators.layers import use_own_layers
from tests.models.operators.test_rows import assert_near, layer_results, results

RANDOM = np.random.default_rng(0)


def exact_results(layer: nn.Layer, given: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """Result and gradients in double precision: Paddle has convolutions of it."""
    layer.to(dtype="float64")
    x = paddle.to_tensor(given, stop_gradient=False)
    result = layer(x)
    weight = np.random.default_rng(1).normal(size=result.shape)
    (result * paddle.to_tensor(weight)).sum().backward()
    found = [result.numpy(), x.grad.numpy(), *(parameter.grad.numpy() for parameter in layer.parameters())]
    layer.clear_gradients(set_to_zero=False)
    layer.to(dtype="float32")
    return found


def convolution(channels: int, kernel: Any, **options: Any) -> nn.Conv2D:
    """One of each channel by itself."""
    return nn.Conv2D(channels, channels, kernel, groups=channels, **options)


@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize(("kernel", "padding"), [(5, 2), (7, 3), ((3, 5), (1, 2)), ((11, 1), (5, 0))])
@pytest.mark.parametrize("size", [(64, 65), (70, 40), (200, 340)])
def test_convolutions_of_each_channel_are_paddles(
    size: tuple[int, int], kernel: Any, padding: Any, has_bias: bool
) -> None:
    """In bands of several maps, the last of them smaller, and in bands of one."""
    paddle.seed(0)
    layer = convolution(27, kernel, padding=padding, bias_attr=None if has_bias else False)
    given = RANDOM.normal(size=(2, 27, *size))
    exact = exact_results(layer, given)
    assert use_own_layers(layer) == 1 and type(layer) is DepthwiseConv2D

    assert_near(layer_results(layer, given), exact, 1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2D(6, 12, 5, padding=2, groups=6, bias_attr=False),
        convolution(6, 1, bias_attr=False),
        convolution(6, 5, padding=0, bias_attr=False),
        convolution(6, 5, padding=2, stride=2, bias_attr=False),
        convolution(6, 5, padding=4, dilation=2, bias_attr=False),
        convolution(6, 4, padding=2, bias_attr=False),
        convolution(6, 5, padding="same", bias_attr=False),
        convolution(6, 5, padding=[1, 3, 2, 2], bias_attr=False),
        convolution(6, 5, padding=2, padding_mode="reflect"),
        convolution(6, 5, padding=2, data_format="NHWC"),
        nn.Conv2DTranspose(6, 6, 2, bias_attr=False),
        nn.Conv2DTranspose(6, 6, 2, data_format="NHWC"),
    ],
)
def test_other_convolutions_stay_paddles(layer: nn.Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onednn, "is_there", lambda: False)
    assert use_own_layers(layer) == 0


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2D(8, 6, 3, padding=2, dilation=2, stride=2),
        nn.Conv2D(8, 6, (3, 1), padding="same", groups=2),
        nn.Conv2DTranspose(8, 6, 2, stride=2),
        nn.Conv2DTranspose(8, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
    ],
)
@pytest.mark.parametrize("size", [(80, 76), (5, 4)])  # the second stays below the fewest values
def test_biases_are_paddles(layer: nn.Layer, size: tuple[int, int]) -> None:
    layer.bias.set_value(paddle.randn(layer.bias.shape))
    given = RANDOM.normal(size=(2, 8, *size))
    plain = type(layer)
    exact = exact_results(layer, given)
    use_own_layers(layer)
    assert type(layer) in (BiasedConv2D, BiasedConv2DTranspose)
    is_large = size[0] > 5
    x = paddle.to_tensor(given.astype(np.float32), stop_gradient=False)

    assert ("PyLayer" in layer(x).grad_fn.name()) == is_large
    assert_near(layer_results(layer, given), exact, 1e-5)
    layer.__class__ = plain  # parametrised layers are used again


def test_a_first_convolution_and_a_frozen_bias_train() -> None:
    """An image has no gradient; what is frozen has none either, and is added by Paddle."""
    layer = nn.Conv2D(3, 4, 3)
    use_own_layers(layer)
    layer(paddle.rand([1, 3, 80, 80])).sum().backward()
    assert float(layer.bias.grad[0]) == pytest.approx(78 * 78)
    layer.clear_gradients(set_to_zero=False)
    layer.bias.stop_gradient = True
    layer(paddle.rand([1, 3, 80, 80])).sum().backward()

    assert layer.bias.grad is None and layer.weight.grad is not None


@pytest.mark.parametrize("value", [np.inf, -np.inf, 3e38, np.nan])
def test_maps_of_a_diverged_network_are_not_warned_of(value: float) -> None:
    network = nn.Sequential(
        convolution(2, 5, padding=2),
        nn.Conv2D(2, 2, 1),
        nn.Conv2DTranspose(2, 2, 2, stride=2),
        nn.Upsample(scale_factor=2),
    )
    assert use_own_layers(network) == 4
    given = RANDOM.normal(size=(1, 2, 100, 100))
    given[0, 1, 3, 3] = value
    layer_results(network, given)


def test_swish_is_paddles() -> None:
    given = RANDOM.normal(0, 4, (2, 3, 5))
    x = paddle.to_tensor(given.astype(np.float32), stop_gradient=False)

    assert "Silu" in swish(x).grad_fn.name()
    assert_near(results(swish, given), results(F.swish, given, dtype="float64"))
