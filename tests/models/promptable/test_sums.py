"""Training computes what exported graphs compute, by operators that are quick in Paddle."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest

from segcli.models.promptable.sam.layers import LayerNorm2D
from segcli.models.promptable.sums import Doubling, OuterSum, add, unit_vectors
from segcli.models.promptable.table import build_promptable_network

SLOW_FROM = 100_000
"""Elements from which a sum of different shapes is noticed."""


def step(network: Any, images: int) -> list[np.ndarray[Any, Any]]:
    """Answers to a box and a click on two objects, and the gradients."""
    rng = np.random.default_rng(0)
    network.clear_gradients()
    embedding = paddle.to_tensor(rng.standard_normal((images, 64, 32, 32)).astype("float32"), stop_gradient=False)
    coords = paddle.to_tensor(rng.uniform(20, 200, (2, 3, 2)).astype("float32"))
    labels = paddle.to_tensor([[2.0, 3.0, 1.0], [2.0, 3.0, 0.0]])
    mask = paddle.to_tensor(rng.standard_normal((2, 1, 128, 128)).astype("float32"))
    logits, iou = network(embedding, coords, labels, mask, paddle.ones([2]))
    ((logits * logits).mean() + iou.sum()).backward()
    gradients = [p.grad.numpy() for p in network.parameters() if p.grad is not None]
    return [logits.numpy(), iou.numpy(), embedding.grad.numpy(), *gradients]


@pytest.mark.parametrize("images", [1, 2])
def test_answers_and_gradients_are_those_of_the_exported_graph(images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    paddle.seed(0)
    network = build_promptable_network("SAM-tiny")
    ours = step(network, images)
    monkeypatch.setattr(paddle, "in_dynamic_mode", lambda: False)
    exported = step(network, images)
    assert len(ours) == len(exported) > 50
    for mine, reference in zip(ours, exported, strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=2e-6 * max(1.0, float(np.abs(reference).max())))


def test_the_encoder_trains_as_its_exported_graph_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    paddle.seed(0)
    encoder = build_promptable_network("SAM-tiny").image_encoder
    for name, parameter in encoder.named_parameters():
        if "rel_pos" in name:
            parameter.set_value(0.1 * paddle.randn(parameter.shape))
    image, direction = paddle.randn([1, 3, 256, 256]), paddle.randn([1, 64, 32, 32])

    def measured() -> list[np.ndarray[Any, Any]]:
        encoder.clear_gradients()
        out = encoder(image)
        (out * direction).sum().backward()
        return [out.numpy(), *[p.grad.numpy() for p in encoder.parameters()]]

    ours = measured()
    monkeypatch.setattr(paddle, "in_dynamic_mode", lambda: False)
    for mine, reference in zip(ours, measured(), strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=2e-5 * float(np.abs(reference).max()))


def test_lseg_trains_as_its_exported_graph_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    paddle.seed(0)
    network = build_promptable_network("LSeg-tiny")
    image = paddle.to_tensor(np.random.default_rng(0).standard_normal((2, 3, 96, 96)).astype("float32"))
    direction = paddle.to_tensor(np.random.default_rng(1).standard_normal((2, 32, 48, 48)).astype("float32"))

    def measured() -> list[np.ndarray[Any, Any]]:
        network.clear_gradients()
        pixels = network.encode_image(image)
        (pixels * direction).sum().backward()
        return [pixels.numpy(), *[p.grad.numpy() for p in network.parameters() if p.grad is not None]]

    ours = measured()
    monkeypatch.setattr(paddle, "in_dynamic_mode", lambda: False)
    exported = measured()
    assert len(ours) == len(exported) > 50
    largest = max(float(np.abs(reference).max()) for reference in exported[1:])
    for mine, reference in zip(ours, exported, strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-6 * largest)


def test_the_unit_vector_of_nothing_has_no_gradient() -> None:
    x = paddle.zeros([1, 3, 2, 2])
    x.stop_gradient = False
    unit = unit_vectors(x)
    unit.sum().backward()
    assert np.abs(unit.numpy()).max() == 0.0
    assert np.isfinite(x.grad.numpy()).all()


def test_large_sums_are_of_equal_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sum of different shapes takes 15 times as long: they were half of a step."""
    found = []
    add_of_tensors = paddle.Tensor.__add__

    def noted(x: paddle.Tensor, y: Any) -> paddle.Tensor:
        out = add_of_tensors(x, y)
        # the last axis alone is quick
        if isinstance(y, paddle.Tensor) and x.shape != y.shape and min(x.ndim, y.ndim) > 1 and out.size >= SLOW_FROM:
            found.append((x.shape, y.shape))
        return out

    monkeypatch.setattr(paddle.Tensor, "__add__", noted)
    decoder = build_promptable_network("SAM-tiny").mask_decoder
    image, dense = paddle.ones([1, 64, 32, 32]), paddle.ones([2, 64, 32, 32])
    decoder(image, paddle.ones([1, 64, 32, 32]), paddle.ones([2, 3, 64]), dense)
    LayerNorm2D(4)(paddle.ones([1, 4, 200, 200]))
    build_promptable_network("SAM-tiny").image_encoder.blocks[2](paddle.ones([1, 32, 32, 64]))
    Doubling(4, 4)(paddle.ones([1, 4, 100, 100]))
    build_promptable_network("LSeg-tiny").encode_image(paddle.ones([8, 3, 96, 96]))
    assert found == []


def test_sums_of_different_shapes() -> None:
    wide, high = paddle.rand([1, 3, 1]), paddle.rand([2, 1, 4])
    np.testing.assert_array_equal(add(wide, high).numpy(), wide.numpy() + high.numpy())


@pytest.mark.parametrize("trained", [0, 1])
def test_sums_of_which_one_part_is_frozen(trained: int) -> None:
    rows = [paddle.rand([4, 3]), paddle.rand([4, 5])]
    rows[trained].stop_gradient = False
    OuterSum.apply(*rows).sum().backward()
    assert (rows[trained].grad == [5, 3][trained]).all() and rows[1 - trained].grad is None


def test_infinite_sums_are_not_warned_of() -> None:
    rows = paddle.full([1, 2], float("inf"))
    assert OuterSum.apply(rows, -rows).isnan().all()


@pytest.mark.parametrize("layer", [Doubling(6, 4), LayerNorm2D(6)])
def test_maps_whose_channels_are_last_are_the_same(layer: Any) -> None:
    found = []
    for is_rows in (False, True):
        x = paddle.to_tensor(np.random.default_rng(0).standard_normal((2, 6, 5, 7), np.float32), stop_gradient=False)
        out = layer.of_rows(x.transpose([0, 2, 3, 1])).transpose([0, 3, 1, 2]) if is_rows else layer(x)
        (out * paddle.to_tensor(np.random.default_rng(1).random(out.shape, np.float32))).sum().backward()
        found.append([out.numpy(), x.grad.numpy(), *[p.grad.numpy() for p in layer.parameters()]])
        layer.clear_gradients(set_to_zero=False)

    for maps, rows in zip(*found, strict=True):
        np.testing.assert_allclose(rows, maps, rtol=0, atol=5e-6 * np.abs(maps).max())


def test_the_decoder_keeps_its_channels_last_in_training_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    calls, of_rows = [], Doubling.of_rows
    monkeypatch.setattr(Doubling, "of_rows", lambda self, x: (calls.append(1), of_rows(self, x))[1])
    network = build_promptable_network("SAM-tiny")
    step(network, 1)
    assert len(calls) == 2
    tokens, embedding = paddle.zeros([1, 3, 64]), paddle.zeros([1, 64, 32, 32])
    with paddle.no_grad():
        network.mask_decoder(embedding, embedding, tokens, embedding)
    assert len(calls) == 2
