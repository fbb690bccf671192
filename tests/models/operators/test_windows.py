"""Blocks of Swin, attention in windows, against PaddleSeg's own in double precision."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import paddle
import pytest
from paddle import nn

from segcli.engines.paddleseg.maskformer_patches import MASKFORMER_PATCHES
from segcli.engines.paddleseg.patches import apply_patches

Array = np.ndarray[Any, Any]


def stage(height: int, width: int) -> tuple[nn.Layer, Array]:
    """Two blocks, the second of which shifts its windows, and maps of two images."""
    apply_patches()
    from paddleseg.models.backbones.swin_transformer import BasicLayer

    paddle.seed(0)
    layer = BasicLayer(24, depth=2, num_heads=3)
    for parameter in layer.parameters():
        parameter.set_value(parameter + 0.3 * paddle.randn(parameter.shape))
    return layer, np.random.default_rng(0).normal(size=(2, height * width, 24))


def results(layer: nn.Layer, given: Array, size: tuple[int, int]) -> dict[str, Array]:
    """What the blocks give, and the gradients of the maps and of all parameters."""
    for parameter in layer.parameters():
        parameter.clear_gradient()
    x = paddle.to_tensor(given, stop_gradient=False)
    out = layer(x, *size)[0]
    weights = np.random.default_rng(1).normal(size=out.shape).astype(given.dtype)
    (out * paddle.to_tensor(weights)).sum().backward()
    gradients = {name: parameter.grad.numpy().copy() for name, parameter in layer.named_parameters()}
    return {"out": out.numpy(), "maps": x.grad.numpy(), **gradients}


def by_paddleseg(function: Callable[[], Any]) -> Any:
    """The function with PaddleSeg's own blocks and attention."""
    with pytest.MonkeyPatch.context() as context:
        for patch in MASKFORMER_PATCHES:
            context.setattr(patch.find_owner(), patch.attribute, patch.original)
        return function()


@pytest.mark.parametrize("size", [(14, 14), (9, 16), (3, 5)])
def test_blocks_and_gradients_are_those_of_double_precision(size: tuple[int, int]) -> None:
    layer, given = stage(*size)
    exact_layer = deepcopy(layer)
    exact_layer.to(dtype="float64")
    for block, exact_block in zip(layer.blocks, exact_layer.blocks, strict=True):
        exact_block.attn.relative_position_index = block.attn.relative_position_index  # stays integer
    ours = results(layer, given.astype(np.float32), size)
    exact = by_paddleseg(lambda: results(exact_layer, given, size))

    assert ours.keys() == exact.keys() and len(ours) > 20
    for name, values in exact.items():
        np.testing.assert_allclose(ours[name], values, rtol=0, atol=2e-5 * max(np.abs(values).max(), 1), err_msg=name)


def evaluated(layer: nn.Layer, x: paddle.Tensor) -> Array:
    with paddle.no_grad():
        values: Array = layer(x, 9, 16)[0].numpy()
    return values


class OneMap(nn.Layer):
    """A stage as a network of one input and one output."""

    def __init__(self, layer: nn.Layer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Any) -> Any:
        return self.layer(x, 9, 16)[0]


def exported(layer: nn.Layer) -> list[str]:
    """The operators of an exported network."""
    spec = [paddle.static.InputSpec([2, 144, 24], "float32")]
    network = OneMap(layer)
    static = paddle.jit.to_static(network.forward, input_spec=spec, full_graph=True)
    return [operator.name() for operator in static.concrete_program.main_program.global_block().ops]


def test_evaluated_and_exported_blocks_are_paddlesegs() -> None:
    layer, given = stage(9, 16)
    x = paddle.to_tensor(given.astype(np.float32))
    for found in (lambda: evaluated(layer, x), lambda: exported(layer)):
        np.testing.assert_array_equal(found(), by_paddleseg(found))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_blocks_that_train_as_a_static_graph_are_paddlesegs() -> None:
    layer, given = stage(9, 16)
    given = given.astype(np.float32)
    static = results(paddle.jit.to_static(layer), given, (9, 16))
    plain = by_paddleseg(lambda: results(layer, given, (9, 16)))
    for name, values in plain.items():
        np.testing.assert_allclose(static[name], values, rtol=0, atol=1e-4 * max(np.abs(values).max(), 1), err_msg=name)


@pytest.mark.parametrize("size", [(14, 14), (9, 16)])
def test_blocks_of_mixed_precision_are_paddlesegs(size: tuple[int, int]) -> None:
    layer, given = stage(*size)
    given = given.astype(np.float32)
    with paddle.amp.auto_cast(dtype="bfloat16", level="O1"):
        ours = results(layer, given, size)
        plain = by_paddleseg(lambda: results(layer, given, size))
    np.testing.assert_allclose(ours["out"], plain["out"], rtol=0, atol=0.05 * np.abs(plain["out"]).max())


def test_a_pixel_is_seen_in_its_own_window_only() -> None:
    layer, given = stage(14, 14)
    block, others = layer.blocks[0], given.copy()
    block.H = block.W = 14
    others[0, 0, 0] += 1
    before, after = (
        block(paddle.to_tensor(values.astype(np.float32), stop_gradient=False), None).numpy()
        for values in (given, others)
    )
    window = {row * 14 + column for row in range(7) for column in range(7)}
    assert set(np.flatnonzero((before != after)[0].any(axis=1)).tolist()) == window
    assert (before == after)[1].all()
