"""Focal and Dice losses of masks in one operator, against the same by Paddle's operators in double precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import paddle
import pytest

from segcli.models.operators.mask_loss import MaskLoss
from segcli.promptable.losses import LossWeights, dice_loss, focal_loss, prompt_loss

FOCAL, DICE = 20.0, 3.0
RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(0, 4, (2, 3, 32, 40))
LOGITS[0, 0, 0, :4] = 90, -90, 1e-3, 1e4
TARGETS = np.clip(RANDOM.normal(0.5, 0.6, (2, 32, 40)), 0, 1)  # many are 0 or 1
TARGETS[0, 0, :4] = 0, 1, 1, 1


def parts(logits: Any, targets: Any, focal: float, dice: float) -> Any:
    spread = targets.unsqueeze(1).expand_as(logits)
    return focal * focal_loss(logits, spread) + dice * dice_loss(logits, spread)


def results(losses: Callable[..., Any], dtype: str) -> list[np.ndarray[Any, Any]]:
    """The losses, and the gradient of a weighted sum of them."""
    logits = paddle.to_tensor(LOGITS.astype(dtype), stop_gradient=False)
    values = losses(logits, paddle.to_tensor(TARGETS.astype(dtype)), FOCAL, DICE)
    (values * paddle.arange(1, 7, dtype=dtype).reshape([2, 3])).sum().backward()
    return [values.numpy(), logits.grad.numpy()]


def test_losses_and_gradients_are_those_of_double_precision() -> None:
    for mine, other in zip(results(MaskLoss.apply, "float32"), results(parts, "float64"), strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=2e-6 * np.abs(other).max())


@pytest.mark.parametrize("targets", [TARGETS[:1], TARGETS[:, :1], TARGETS[:, :1, :1]])
def test_targets_are_spread_over_all_masks(targets: np.ndarray[Any, Any]) -> None:
    logits, given = (paddle.to_tensor(one.astype("float32")) for one in (LOGITS, targets))
    plain = parts(logits, given, FOCAL, DICE)
    logits.stop_gradient = False
    np.testing.assert_allclose(MaskLoss.apply(logits, given, FOCAL, DICE).numpy(), plain.numpy(), rtol=2e-6)


@pytest.mark.parametrize("weights", [LossWeights(), LossWeights(focal=0.0), LossWeights(dice=0.0)])
def test_loss_of_a_prompt_is_the_same_in_training_and_without_gradients(weights: LossWeights) -> None:
    logits, iou, targets = (paddle.to_tensor(one.astype("float32")) for one in (LOGITS, RANDOM.random((2, 3)), TARGETS))
    plain = prompt_loss(logits, iou, targets, weights)
    logits.stop_gradient = False
    trained = prompt_loss(logits, iou, targets, weights)

    assert float(trained[0]) == pytest.approx(float(plain[0]), rel=2e-6)
    assert trained[1].tolist() == plain[1].tolist()


@pytest.mark.parametrize("value", [np.inf, -np.inf, 3e38, np.nan])
def test_a_diverged_network_gives_no_warnings(value: float) -> None:
    logits = paddle.full([1, 1, 2, 2], value)
    logits.stop_gradient = False
    MaskLoss.apply(logits, paddle.ones([1, 2, 2]), FOCAL, DICE).sum().backward()
