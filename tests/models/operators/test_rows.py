"""Linear layers and layer normalisation against Paddle's and against the same in double precision."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from paddle import nn

from segcli.models import operators
from segcli.models.operators.layers import use_own_layers
from segcli.models.operators.linear import AddRow, RowLinear
from segcli.models.operators.normalisation import RowNorm

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(0)


def results(function: Callable[..., Any], *given: Array, dtype: str = "float32") -> list[Array]:
    """The result of the tensors, and the gradient of a weighted sum of it for each of them."""
    inputs = [paddle.to_tensor(one.astype(dtype), stop_gradient=False) for one in given]
    result = function(*inputs)
    weight = np.random.default_rng(1).normal(size=result.shape).astype(dtype)
    (result * paddle.to_tensor(weight)).sum().backward()
    return [result.numpy(), *(one.grad.numpy() for one in inputs)]


def assert_near(ours: list[Array], theirs: list[Array], most: float = 2e-6) -> None:
    """Equal but for rounding: `most` of the largest value of each."""
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=most * np.abs(other).max())


def layer_results(layer: nn.Layer, given: Array) -> list[Array]:
    found = results(layer, given)
    found += [parameter.grad.numpy() for parameter in layer.parameters()]
    layer.clear_gradients(set_to_zero=False)
    return found


@pytest.mark.parametrize("shape", [(3, 700, 96), (2, 5, 7, 6), (1, 1)])
def test_gradients_of_layer_normalisation_are_those_of_double_precision(shape: tuple[int, ...]) -> None:
    layer = nn.LayerNorm(shape[-1], epsilon=1e-6)
    for parameter in layer.parameters():
        parameter.set_value(paddle.randn(parameter.shape))
    given = RANDOM.normal(3, 2, shape)
    exact = results(
        lambda x, w, b: F.layer_norm(x, shape[-1:], w, b, 1e-6),
        given,
        *(one.numpy() for one in layer.parameters()),
        dtype="float64",
    )
    use_own_layers(layer)
    assert type(layer) is RowNorm

    assert_near(layer_results(layer, given), exact, 1e-5)


@pytest.mark.parametrize("shape", [(3, 700, 48), (2, 5, 7, 6)])  # the second stays below the fewest values
def test_linear_layers_are_paddles(shape: tuple[int, ...]) -> None:
    layer = nn.Linear(shape[-1], 50)
    layer.bias.set_value(paddle.randn(layer.bias.shape))
    given = RANDOM.normal(size=shape)
    theirs = layer_results(layer, given)
    use_own_layers(layer)
    assert type(layer) is RowLinear

    assert_near(layer_results(layer, given), theirs)


def test_a_row_is_added_to_each_row() -> None:
    given = RANDOM.normal(size=(40, 3, 7)), RANDOM.normal(size=7)

    assert_near(results(AddRow.apply, *given), results(lambda x, row: x + row, *given, dtype="float64"))


@pytest.mark.parametrize("value", [np.inf, -np.inf, 3e38, np.nan])
def test_layers_of_a_diverged_network_are_not_warned_of(value: float) -> None:
    """Its loss is what the training stops at; NumPy's warnings would come before that."""
    layer = nn.LayerNorm(8)
    use_own_layers(layer)
    given = RANDOM.normal(size=(4, 8))
    given[1, 3] = value
    layer_results(layer, given)


def frozen(layer: nn.Layer) -> nn.Layer:
    layer.bias.stop_gradient = True
    return layer


@pytest.mark.parametrize(
    "layer",
    [
        nn.LayerNorm([3, 8]),
        nn.LayerNorm(8, weight_attr=False),
        frozen(nn.LayerNorm(8)),
        nn.Linear(8, 9000, bias_attr=False),
        frozen(nn.Linear(8, 9000)),
    ],
)
def test_other_layers_stay_paddles(layer: nn.Layer) -> None:
    use_own_layers(layer)
    x = paddle.rand([4, 3, 8])
    x.stop_gradient = False

    assert "PyLayer" not in layer(x).grad_fn.name()


class Rows(nn.Layer):
    """Ten operators and both layers: Paddle makes no graph of fewer."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(16, 2100), nn.LayerNorm(2100)

    def forward(self, x: Any) -> Any:
        for _ in range(10):
            x = x + 0.1
        return self.norm(self.linear(x))


def test_evaluations_and_exported_networks_are_as_they_were() -> None:
    paddle.seed(0)
    network, x = Rows(), paddle.rand([2, 20, 16])
    found = []
    for has_ours in (False, True):
        if has_ours:
            assert use_own_layers(network) == 2
        with paddle.no_grad():
            values = network(x).numpy()
        spec = [paddle.static.InputSpec([2, 20, 16], "float32")]
        program = paddle.jit.to_static(network.forward, input_spec=spec, full_graph=True).concrete_program
        found.append((values, [operator.name() for operator in program.main_program.global_block().ops]))
    plain, ours = found

    np.testing.assert_array_equal(ours[0], plain[0])
    assert ours[1] == plain[1]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_network_that_trains_as_a_static_graph_is_one_graph_of_paddles() -> None:
    network, given = Rows(), RANDOM.normal(size=(2, 20, 16))
    use_own_layers(network)
    x = paddle.to_tensor(given.astype(np.float32), stop_gradient=False)
    assert "PyLayer" in network(x).grad_fn.name()
    static = paddle.jit.to_static(network.forward)

    assert "Dy2St" in static(x).grad_fn.name()
    assert_near(results(static, given), results(network, given), 1e-5)


def test_on_a_device_every_operator_is_paddles() -> None:
    tensor: Any = SimpleNamespace(
        dtype=paddle.float32, stop_gradient=False, place=SimpleNamespace(is_cpu_place=lambda: False)
    )

    assert not operators.is_ours(tensor)
