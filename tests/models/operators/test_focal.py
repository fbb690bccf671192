"""Focal losses of binary masks against the same in double precision, and MaskFormer's losses against PaddleSeg's."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from segcli.engines.paddleseg.maskformer_patches import MASKFORMER_PATCHES, patch_focal_costs
from segcli.engines.paddleseg.patches import apply_patches
from segcli.models import operators
from segcli.models.operators.focal import FocalLoss, focal_costs

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(0)
MASKS = RANDOM.normal(0, 4, (3, 40_000))  # more pixels than a band has
MASKS[0, :4] = 90, -90, 1e-3, 1e4
TRUTH = (RANDOM.random((3, 40_000)) < 0.3).astype(float)
TRUTH[0, :4] = 0, 1, 1, 1


def focal(logits: Any, targets: Any, alpha: float) -> Any:
    entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    probability = F.sigmoid(logits)
    wrong = probability * (1 - targets) + (1 - probability) * targets
    return (wrong.square() * entropy * (alpha * targets + (1 - alpha) * (1 - targets))).mean(1)


def results(function: Callable[..., Any], dtype: str) -> list[Array]:
    """The losses, and the gradient of a weighted sum of them."""
    logits = paddle.to_tensor(MASKS.astype(dtype), stop_gradient=False)
    losses = function(logits, paddle.to_tensor(TRUTH.astype(dtype)), 0.25)
    (losses * paddle.arange(1, 4, dtype=dtype)).sum().backward()
    return [losses.numpy(), logits.grad.numpy()]


def assert_near(ours: list[Array], theirs: list[Array]) -> None:
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=2e-6 * np.abs(other).max())


def test_losses_and_gradients_are_those_of_double_precision():
    assert_near(results(FocalLoss.apply, "float32"), results(focal, "float64"))


def test_costs_are_the_losses_of_all_pairs():
    logits, targets = (paddle.to_tensor(one) for one in (MASKS, TRUTH))
    pairs = paddle.stack([focal(logits, one.unsqueeze(0).expand_as(logits), 0.25) for one in targets], axis=1)

    assert_near([focal_costs(logits.astype("float32"), targets.astype("float32"), 0.25).numpy()], [pairs.numpy()])


@pytest.mark.parametrize("value", [np.inf, -np.inf, 3e38, np.nan])
def test_a_diverged_network_gives_no_warnings(value: float):
    """Its loss is what the training stops at; NumPy's warnings would come before that."""
    logits = RANDOM.normal(size=(4, 8)).astype(np.float32)
    logits[1, 3] = value
    given = paddle.to_tensor(logits, stop_gradient=False)
    FocalLoss.apply(given, paddle.ones_like(given), 0.25).sum().backward()
    focal_costs(given, paddle.ones([2, 8]), 0.25)


def of_paddleseg(name: str) -> tuple[Any, Any]:
    """A function of MaskFormer's loss as segcli has it, and as PaddleSeg has it."""
    apply_patches()
    (patch,) = (patch for patch in MASKFORMER_PATCHES if patch.attribute == name)
    return getattr(patch.find_owner(), name), patch.original


@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2), (-1, 2), (0.25, 3)])
def test_losses_are_paddlesegs(alpha: float, gamma: float):
    loss, original = of_paddleseg("sigmoid_focal_loss")
    found = []
    for function in (loss, original):
        logits = paddle.to_tensor(MASKS[:, 4:2000].astype(np.float32), stop_gradient=False)
        value = function(logits, paddle.to_tensor(TRUTH[:, 4:2000].astype(np.float32)), 3.0, alpha, gamma)
        value.backward()
        found.append([value.numpy(), logits.grad.numpy()])

    assert_near(*found)


def test_losses_on_a_device_are_paddlesegs(monkeypatch: pytest.MonkeyPatch):
    loss, original = of_paddleseg("sigmoid_focal_loss")
    logits, targets = (paddle.to_tensor(values[:, 4:2000].astype(np.float32)) for values in (MASKS, TRUTH))
    logits.stop_gradient = False
    assert "FocalLoss" in recorded(loss(logits, targets, 3.0))
    monkeypatch.setattr(operators, "is_on_host", lambda tensor: False)

    found = loss(logits, targets, 3.0)
    assert "FocalLoss" not in recorded(found)
    assert float(found) == float(original(logits, targets, 3.0))


def test_costs_on_a_device_are_paddlesegs():
    """The place decides, with a gradient or without: matching needs none."""

    def original(*given: Any) -> Any:
        return given

    costs = patch_focal_costs(original)
    logits, targets = (paddle.to_tensor(values[:, 4:200].astype(np.float32)) for values in (MASKS, TRUTH))
    on_device = SimpleNamespace(
        dtype=paddle.float32, place=SimpleNamespace(is_cpu_place=lambda: False), stop_gradient=True
    )

    assert costs(on_device, targets, 0.25) == (on_device, targets, 0.25, 2)
    np.testing.assert_array_equal(costs(logits, targets, 0.25).numpy(), focal_costs(logits, targets, 0.25).numpy())


def recorded(loss: Any) -> set[str]:
    """The names of the operators that a loss will go back through."""
    waiting, names = [loss.grad_fn], set[str]()
    while waiting:
        node = waiting.pop()
        names.add(node.name().removeprefix("GradNodePyLayer_"))
        waiting += [following for following in node.next_functions if following is not None]
    return names


@pytest.mark.parametrize("sizes", [((2, 5, 7), (4, 5, 7)), ((2, 5, 7), (1, 6, 4))])
def test_masks_of_a_batch_are_padded_as_before(sizes: tuple[tuple[int, int, int], ...]):
    ours, theirs = of_paddleseg("nested_tensor_from_tensor_list")
    masks = [paddle.to_tensor(RANDOM.random(size) < 0.5) for size in sizes]

    for mine, other in zip(ours(masks), theirs(masks), strict=True):
        np.testing.assert_array_equal(mine.numpy(), other.numpy())
