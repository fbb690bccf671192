"""Convolutions by oneDNN against Paddle's in double precision."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import paddle
import pytest
from paddle import nn

from segcli.cpu import CONVOLUTIONS, paddles_own_convolutions
from segcli.models.operators import convolution, onednn
from segcli.models.operators.convolution import DirectConv2D
from segcli.models.operators.layers import use_own_layers
from segcli.models.operators.narrowing import NarrowingConv2D
from tests.models.operators.test_maps import exact_results
from tests.models.operators.test_rows import assert_near, layer_results

RANDOM = np.random.default_rng(0)
SIZES = (37, 30)


@pytest.fixture(autouse=True)
def of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "FEWEST_COPIES", 1)
    monkeypatch.setattr(convolution, "FEWEST_OF_SINGLE", 1)


@pytest.fixture
def without_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for one in (onednn.is_there, onednn._library):
        one.cache_clear()
    monkeypatch.setenv(CONVOLUTIONS, "paddle")
    yield
    for one in (onednn.is_there, onednn._library):
        one.cache_clear()


def direct(*arguments: Any, **options: Any) -> nn.Layer:
    paddle.seed(0)
    layer = nn.Conv2D(*arguments, **options)
    assert use_own_layers(layer) == 1 and type(layer) is DirectConv2D
    return layer


def is_used(layer: nn.Layer, given: np.ndarray[Any, Any]) -> bool:
    """Whether oneDNN is asked, which must not come to nothing in silence."""
    x = paddle.to_tensor(given.astype(np.float32), stop_gradient=False)
    function = layer(x).grad_fn
    names = {function.name(), *(one.name() for one in function.next_functions if one is not None)}
    return any("_Convolution" in name for name in names)


@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 3, "padding": 1},
        {"kernel_size": 3},
        {"kernel_size": 3, "padding": 1, "stride": 2},
        {"kernel_size": 3, "padding": 2, "dilation": 2},
        {"kernel_size": (5, 2), "padding": [1, 2, 3, 0], "stride": (1, 2), "dilation": (3, 2)},
        {"kernel_size": (1, 7), "padding": (0, 3)},
        {"kernel_size": 3, "padding": "same"},
        {"kernel_size": 4, "padding": "same", "stride": 3, "dilation": 2},
        {"kernel_size": 5, "padding": "valid", "stride": 2},
        {"kernel_size": 3, "padding": [[0, 0], [0, 0], [1, 2], [0, 3]]},
    ],
)
def test_convolutions_are_paddles(options: dict[str, Any], has_bias: bool) -> None:
    given = RANDOM.normal(size=(2, 32, *SIZES))
    layer = direct(32, 48, bias_attr=None if has_bias else False, **options)

    assert is_used(layer, given)
    ours = layer_results(layer, given)
    layer.__class__ = nn.Conv2D
    assert_near(ours, exact_results(layer, given), 1e-5)


@pytest.mark.parametrize("channels", [106, 112])
@pytest.mark.parametrize("images", [1, 2])
def test_blocks_of_channels_that_cannot_be_divided_are_padded(channels: int, images: int) -> None:
    """Seven blocks of sixteen, the last of which may not be full, have the gradient of eight."""
    given = RANDOM.normal(size=(images, channels, 9, 40))
    layer = direct(channels, 32, 3, padding=1, stride=(1, 2))
    made = layer._made(paddle.to_tensor(given.astype(np.float32)))

    assert made.of_input.func is onednn._of_fewer
    ours = layer_results(layer, given)
    layer.__class__ = nn.Conv2D
    assert_near(ours, exact_results(layer, given), 1e-5)


@pytest.mark.parametrize(
    ("channels", "wanted"), [(3, 3), (80, 80), (96, 96), (97, 128), (112, 128), (258, 288), (400, 400)]
)
def test_which_blocks_of_channels_are_computed_together(channels: int, wanted: int) -> None:
    assert onednn._divisible(channels) == wanted


@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"), [(3, 1, 1), (3, 2, 1), (3, 1, 6), (2, 1, 1), ((1, 3), 1, 2), (5, 2, 1)]
)
def test_those_of_each_channel_are_paddles(kernel: Any, stride: int, dilation: int, has_bias: bool) -> None:
    given = RANDOM.normal(size=(2, 21, *SIZES))
    options = {"stride": stride, "dilation": dilation, "padding": dilation, "groups": 21}
    layer = direct(21, 21, kernel, bias_attr=None if has_bias else False, **options)

    assert is_used(layer, given)
    ours = layer_results(layer, given)
    layer.__class__ = nn.Conv2D
    assert_near(ours, exact_results(layer, given), 1e-5)


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (nn.Conv2D(32, 32, 1), None),
        (nn.Conv2D(3, 32, 4, stride=4), None),  # nothing is copied
        (nn.Conv2D(8, 8, 3, padding=1), None),  # 8 of 16 channels for nothing, twice
        (nn.Conv2D(64, 3, 3, padding=1), NarrowingConv2D),
        (nn.Conv2D(2, 1, 3, padding=1), NarrowingConv2D),
        (nn.Conv2D(32, 32, 3, groups=4), None),
        (nn.Conv2D(32, 32, 3, padding=1, padding_mode="reflect"), None),
        (nn.Conv2D(32, 32, 3, data_format="NHWC"), None),
        (nn.Conv2D(64, 32, 3, padding=1), DirectConv2D),
        (nn.Conv2D(3, 32, 3, stride=2), DirectConv2D),
    ],
)
def test_which_convolutions_gain(layer: nn.Layer, kind: type[nn.Layer] | None) -> None:
    use_own_layers(layer)

    assert (type(layer) is DirectConv2D) == (kind is DirectConv2D)
    assert kind is None or type(layer) is kind


@pytest.mark.parametrize(
    ("of_intel", "inputs", "outputs", "kind"),
    [
        (True, 18, 18, DirectConv2D),  # 14 of 32 channels for nothing, twice
        (False, 18, 18, nn.Conv2D),
        (True, 64, 7, DirectConv2D),
        (False, 64, 7, NarrowingConv2D),
    ],
)
def test_intels_processors_gain_with_more_waste(
    of_intel: bool, inputs: int, outputs: int, kind: type[nn.Layer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution, "is_of_intel", lambda: of_intel)
    monkeypatch.setattr(convolution, "_most_waste", convolution._most_waste.__wrapped__)
    layer = nn.Conv2D(inputs, outputs, 3, padding=1, bias_attr=False)
    use_own_layers(layer)

    assert type(layer) is kind


@pytest.mark.parametrize(
    ("layer", "shape", "wanted"),
    [
        (nn.Conv2D(64, 64, 3, padding=1), (2, 64, 32, 32), True),
        (nn.Conv2D(512, 512, 3, padding=1), (1, 512, 8, 8), False),  # many products, few copies
        (nn.Conv2D(3, 16, 3, stride=2, padding=1), (2, 3, 256, 256), True),
        (nn.Conv2D(96, 96, 5, stride=2, padding=2, groups=96), (1, 96, 64, 64), True),
        (nn.Conv2D(32, 32, 3, padding=1, groups=32), (1, 32, 4, 4), False),
    ],
)
def test_small_ones_are_paddles(
    layer: nn.Layer, shape: tuple[int, ...], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    use_own_layers(layer)

    assert type(layer) is DirectConv2D
    assert is_used(layer, np.zeros(shape)) == wanted


def test_what_has_no_gradient_is_given_none() -> None:
    """The image of a first convolution, and frozen weights."""
    layer = direct(3, 16, 3)
    image = paddle.rand([1, 3, 40, 40])
    layer(image).sum().backward()
    assert image.grad is None
    np.testing.assert_allclose(
        layer.weight.grad[0, 0].numpy(), image[0, 0].unfold(0, 38, 1).unfold(1, 38, 1).sum([2, 3]), 1e-5
    )
    layer.clear_gradients(set_to_zero=False)
    layer.weight.stop_gradient = True
    image.stop_gradient = False
    layer(image).sum().backward()

    assert layer.weight.grad is None
    assert float(image.grad[0, :, 20, 20].sum()) == pytest.approx(float(layer.weight.sum()), rel=1e-4)


@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("groups", [1, 32])
def test_without_gradients_the_result_is_the_same(groups: int, has_bias: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last bit, of an input with gaps too, and no pass that makes gradients is prepared."""
    layer = direct(32, 32, 3, padding=1, groups=groups, bias_attr=None if has_bias else False)
    x = paddle.to_tensor(RANDOM.normal(size=(2, 32, 41, 67)).astype(np.float32)).transpose([0, 1, 3, 2])
    expected = layer(x)
    assert not expected.stop_gradient
    monkeypatch.setattr(onednn, "Convolution", None)
    onednn.forward_convolution.cache_clear()
    with paddle.no_grad():
        first, second = layer(x), layer(x)

    assert first.stop_gradient and onednn.forward_convolution.cache_info().hits == 1
    for found in (first, second):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())


def test_without_gradients_values_that_are_not_finite_are_no_warning() -> None:
    layer = direct(32, 32, 3)
    layer.bias.set_value(paddle.full([32], -np.inf))
    with paddle.no_grad():
        found = layer(paddle.full([1, 32, 9, 9], np.inf))

    assert np.isnan(found.numpy()).any()


def test_paddles_own_are_there_for_what_asks_for_them() -> None:
    """In its thread alone, and until it ends or fails."""
    layer, x = direct(32, 32, 3, padding=1), paddle.rand([1, 32, 64, 64])
    plain = nn.Conv2D(32, 32, 3, padding=1)
    plain.set_state_dict(layer.state_dict())

    @paddle.no_grad()
    def values(of: nn.Layer) -> np.ndarray[Any, Any]:
        return np.asarray(of(x).numpy())

    ours = values(layer)
    with pytest.raises(KeyError), paddles_own_convolutions():
        np.testing.assert_array_equal(values(layer), values(plain))
        with ThreadPoolExecutor(1) as pool:
            np.testing.assert_array_equal(pool.submit(values, layer).result(), ours)
        raise KeyError

    np.testing.assert_array_equal(values(layer), ours)
    assert not np.array_equal(ours, values(plain))


def test_results_repeat_bit_by_bit() -> None:
    layer = direct(32, 32, 3, padding=1)
    given = RANDOM.normal(size=(2, 32, 64, 64))

    for first, second in zip(layer_results(layer, given), layer_results(layer, given), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("shape", [(0, 32, 40, 40), (1, 32, 2, 40)])
def test_no_image_and_an_image_that_is_too_small_are_paddles(shape: tuple[int, ...]) -> None:
    layer, plain = direct(32, 32, 3), nn.Conv2D(32, 32, 3)
    x = paddle.zeros(shape)
    x.stop_gradient = False
    answers = []
    for one in (layer, plain):
        try:
            answers.append(one(x).shape)
        except Exception as fault:  # Paddle's own kind
            answers.append(type(fault))

    assert answers[0] == answers[1]


def test_what_onednn_refuses_is_paddles(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = direct(32, 32, 3)
    given = RANDOM.normal(size=(1, 32, 17, 19))

    def refuse(*_given: object) -> None:
        raise onednn.OneDnnError("no kernel")

    monkeypatch.setattr(onednn, "Convolution", refuse)
    onednn.convolution.cache_clear()
    assert not is_used(layer, given)
    onednn.convolution.cache_clear()


@pytest.mark.usefixtures("without_library")
def test_without_onednn_layers_are_as_before() -> None:
    """On macOS and Windows, and where the user wants it so."""
    layers = [nn.Conv2D(32, 32, 3), nn.Conv2D(32, 32, 3, bias_attr=False), nn.Conv2D(64, 16, 3, padding=1)]

    assert [use_own_layers(layer) for layer in layers] == [1, 0, 1]
    assert not any(isinstance(layer, DirectConv2D) for layer in layers)


def test_what_was_made_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    made = onednn.Convolution((1, 32, 9, 9), (32, 32, 3, 3), ((1, 1), (1, 1), (0, 0), (0, 0)), 1)
    alive: list[int] = []
    start, end = onednn._Handle.__init__, onednn._Handle.__del__

    def counted(self: Any, *arguments: Any) -> None:
        start(self, *arguments)
        alive.append(1)

    def ended(self: Any) -> None:
        end(self)
        alive.append(-1)

    monkeypatch.setattr(onednn._Handle, "__init__", counted)
    monkeypatch.setattr(onednn._Handle, "__del__", ended)
    made.forward(np.zeros((1, 32, 9, 9), np.float32), np.zeros((32, 32, 3, 3), np.float32))

    assert alive.count(1) >= 4 and sum(alive) == 0


def test_threads_have_memory_of_their_own() -> None:
    made = onednn.convolution((2, 64, 33, 33), (64, 64, 3, 3), ((2, 2), (1, 1), (1, 1), (1, 1)), 1)
    assert made is not None
    x, gradient, weight = (
        RANDOM.normal(size=shape).astype(np.float32) for shape in ((2, 64, 33, 33), (2, 64, 17, 17), (64, 64, 3, 3))
    )

    def passes() -> list[np.ndarray[Any, Any]]:
        return [made.forward(x, weight), made.of_input(gradient, weight), made.of_weight(gradient, x)]

    expected = passes()
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(lambda _number: passes(), range(30)):
            assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))
