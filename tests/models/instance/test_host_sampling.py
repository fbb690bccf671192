"""Sampling on the CPU is `grid_sample` in other words: the same values, gradients and random points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import paddle
import pytest

from segcli.models.instance import deformable, host_sampling, point_samples, set_loss
from segcli.models.instance.deformable import DeformableAttention
from segcli.models.instance.matcher import Targets
from segcli.models.instance.point_samples import PointSampling, at_points, maps_at_points
from tests.models.instance import golden
from tests.paddles_operators import paddles_points


@pytest.fixture
def without_host(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Computes with Paddle's operators from the call on, as on other devices."""

    def leave() -> None:
        for module in (point_samples, deformable):
            monkeypatch.setattr(module, "is_on_host", lambda _tensor: False)

    return leave


@pytest.fixture
def drawn_by_paddle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws the points as on other devices."""
    monkeypatch.setattr(host_sampling, "random_points", paddles_points)


def trained(values: np.ndarray[Any, Any]) -> paddle.Tensor:
    return paddle.to_tensor(values.astype("float32"), stop_gradient=False)


def test_values_and_gradients_at_points(without_host: Callable[[], None]) -> None:
    rng = np.random.default_rng(0)
    masks, points = rng.standard_normal((3, 9, 14)), rng.random((5, 40, 2)).astype("float32")
    points[:, :3] = [[0.0, 0.0], [1.0, 1.0], [0.0, 0.5]]
    weights, rows = paddle.to_tensor(rng.random((5, 40)).astype("float32")), paddle.to_tensor([0, 2, 2, 0, 1])

    def measured() -> list[np.ndarray[Any, Any]]:
        given = trained(masks)
        values = at_points(given, paddle.to_tensor(points), rows)
        (values * weights).sum().backward()
        return [values.numpy(), given.grad.numpy(), maps_at_points(given, paddle.to_tensor(points[0])).numpy()]

    ours = measured()
    without_host()
    for mine, reference in zip(ours, measured(), strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-6, atol=2e-6)


def test_random_points_fill_the_mask_evenly_and_follow_paddles_seed() -> None:
    def drawn() -> np.ndarray[Any, Any]:
        return np.stack([points.copy() for points in host_sampling.random_points(3, 20_000)])

    paddle.seed(5)
    first, later = drawn(), drawn()
    assert len({tuple(row) for points in (*first, *later) for row in points}) > 119_000
    counts, *_ = np.histogram2d(first[..., 0].ravel(), first[..., 1].ravel(), bins=10, range=[[0, 1], [0, 1]])
    assert counts.sum() == 60_000 and 500 < counts.min() <= counts.max() < 700
    paddle.seed(5)
    np.testing.assert_array_equal(first, drawn())


def test_the_same_of_random_points_are_the_most_uncertain(
    without_host: Callable[[], None], drawn_by_paddle: None
) -> None:
    logits = paddle.to_tensor(np.random.default_rng(0).standard_normal((4, 20, 12)).astype("float32"))

    def chosen() -> np.ndarray[Any, Any]:
        paddle.seed(5)
        return np.sort(PointSampling(64).coordinates(logits).numpy().view("complex64")[..., 0], axis=1)

    ours = chosen()
    without_host()
    np.testing.assert_array_equal(ours, chosen())


def test_attention_and_its_gradients(without_host: Callable[[], None]) -> None:
    rng = np.random.default_rng(0)
    shapes = [(8, 6), (4, 3)]
    attention = DeformableAttention(16, 4, len(shapes), 2)
    for parameter in attention.parameters():
        parameter.set_value(rng.standard_normal(parameter.shape).astype("float32"))
    inputs = [rng.standard_normal((2, 5, 16)), rng.random((2, 5, 4)), rng.standard_normal((2, 60, 16))]

    def measured() -> list[np.ndarray[Any, Any]]:
        attention.clear_gradients()
        query, boxes, memory = given = [trained(one) for one in inputs]
        out = attention(query, boxes, memory, shapes)
        (out * out).sum().backward()
        return [out.numpy(), *[one.grad.numpy() for one in (*given, *attention.parameters())]]

    ours = measured()
    without_host()
    for mine, reference in zip(ours, measured(), strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-5, atol=1e-6 * np.abs(reference).max())


def test_places_that_are_not_a_number_are_not_an_error() -> None:
    attention = DeformableAttention(16, 4, 1, 2)
    out = attention(paddle.ones([1, 2, 16]), paddle.full([1, 2, 4], float("nan")), paddle.ones([1, 12, 16]), [(4, 3)])
    assert np.isnan(out.numpy()).all()


def test_a_step_on_a_cpu_samples_no_mask_by_grid_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """It took two thirds of the time of a step."""

    def refuse(*_args: object, **_kwargs: object) -> None:
        pytest.fail("grid_sample was called")

    monkeypatch.setattr(paddle.nn.functional, "grid_sample", refuse)
    network = golden.network("Mask-RT-DETR-S")
    losses = network({**golden.inputs("Mask-RT-DETR-S"), **golden.targets("Mask-RT-DETR-S")})
    losses["loss"].backward()


def test_masks_of_full_size_are_not_copied_for_each_query(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each object of a batch is the truth of many denoising queries."""
    shapes: list[list[int]] = []
    sample = host_sampling.MaskSamples.apply

    def noted(masks: paddle.Tensor, points: paddle.Tensor, rows: Any) -> paddle.Tensor:
        shapes.append(masks.shape)
        return sample(masks, points, rows)

    monkeypatch.setattr(host_sampling.MaskSamples, "apply", noted)
    masks = [paddle.ones([1, 6, 6]), paddle.zeros([0, 6, 6]), paddle.zeros([2, 6, 6])]
    targets = Targets([], [], masks)
    queries = [paddle.arange(count, dtype="int64") for count in (2, 0, 3)]
    objects = [paddle.to_tensor(rows, dtype="int64") for rows in ([0, 0], [], [1, 0, 1])]
    matches = list(zip(queries, objects, strict=True))
    truth = set_loss._truth_at(paddle.full([5, 1, 2], 0.5), targets, matches)
    assert truth.flatten().tolist() == [1, 1, 0, 0, 0]
    assert shapes == [[1, 6, 6], [2, 6, 6]]


@pytest.mark.parametrize("frozen", ["value", "weights"])
def test_attention_with_frozen_parts(frozen: str) -> None:
    rng = np.random.default_rng(0)
    attention = DeformableAttention(8, 2, 1, 2)
    given = [paddle.to_tensor(rng.random(shape).astype("float32")) for shape in ((1, 3, 8), (1, 3, 4), (1, 12, 8))]

    def gradients() -> dict[str, np.ndarray[Any, Any]]:
        attention.clear_gradients()
        (attention(*given, [(4, 3)]) ** 2).sum().backward()
        return {name: one.grad.numpy() for name, one in attention.named_parameters() if not one.stop_gradient}

    of_all = gradients()
    parts = [attention.value_proj] if frozen == "value" else [attention.sampling_offsets, attention.attention_weights]
    for parameter in (parameter for part in parts for parameter in part.parameters()):
        parameter.stop_gradient = True
    of_trained = gradients()
    assert len(of_trained) == len(of_all) - 2 * len(parts)
    for name, values in of_trained.items():
        np.testing.assert_array_equal(values, of_all[name], err_msg=name)


def test_infinite_masks_are_not_warned_of() -> None:
    """NumPy's warnings would stand between the lines of a training that has diverged, before its error."""
    masks = trained(np.full((1, 4, 4), np.inf))
    assert np.isnan(at_points(masks, paddle.full([1, 2, 2], 0.5)).numpy()).all()
