from __future__ import annotations

import numpy as np
import paddle
import pytest

from segcli.promptable.losses import LossWeights, dice_loss, focal_loss, prompt_loss, true_iou

GENERATOR = np.random.default_rng(0)
LOGITS = GENERATOR.standard_normal((2, 3, 4, 5)).astype(np.float32) * 2
TARGETS = (GENERATOR.random((2, 3, 4, 5)) > 0.5).astype(np.float32)


def test_focal_loss_against_its_definition() -> None:
    probability = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))
    of_truth = np.where(TARGETS > 0, probability, 1 - probability)
    alpha = np.where(TARGETS > 0, 0.25, 0.75)
    expected = (-alpha * (1 - of_truth) ** 2 * np.log(of_truth)).mean(axis=(2, 3))

    ours = focal_loss(paddle.to_tensor(LOGITS), paddle.to_tensor(TARGETS))

    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-5)


def test_focal_loss_is_not_that_of_the_mean() -> None:
    """One wrong pixel among right ones must count for itself."""
    logits = paddle.to_tensor([[[8.0, 8.0, 8.0, -8.0]]])

    ours = float(focal_loss(logits, paddle.ones_like(logits))[0])

    assert ours == pytest.approx(0.25 * 8.0 / 4, rel=1e-2)


def test_dice_loss_against_its_definition() -> None:
    probability = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))
    shared, total = (probability * TARGETS).sum(axis=(2, 3)), (probability + TARGETS).sum(axis=(2, 3))

    ours = dice_loss(paddle.to_tensor(LOGITS), paddle.to_tensor(TARGETS))

    np.testing.assert_allclose(ours.numpy(), 1 - (2 * shared + 1) / (total + 1), rtol=1e-5)


def test_true_iou() -> None:
    logits = paddle.to_tensor([[[1.0, 1, -1, -1]], [[-1.0, -1, -1, -1]], [[1.0, 1, 1, 1]]])
    targets = paddle.to_tensor([[[1.0, 0, 1, 0]], [[0.0, 0, 0, 0]], [[1.0, 1, 1, 1]]])

    np.testing.assert_allclose(true_iou(logits, targets).numpy(), [1 / 3, 1, 1], rtol=1e-6)


def test_prompt_loss_teaches_the_best_mask_only_but_every_iou() -> None:
    target = np.zeros((1, 4, 4), np.float32)
    target[0, :2] = 1
    good, bad = np.where(target[0] > 0, 3.0, -3.0), np.where(target[0] > 0, -3.0, 3.0)
    logits = paddle.to_tensor(np.stack([bad, good, bad])[None].astype(np.float32), stop_gradient=False)
    iou = paddle.to_tensor([[0.0, 0.5, 0.9]], stop_gradient=False)

    loss, best = prompt_loss(logits, iou, paddle.to_tensor(target))
    loss.backward()

    assert best.tolist() == [1]
    gradient = logits.grad.numpy()[0]
    assert np.abs(gradient[1]).max() > 0
    assert np.abs(gradient[[0, 2]]).max() == 0
    np.testing.assert_allclose(iou.grad.numpy()[0], 2 * np.array([0.0, -0.5, 0.9]) / 3, rtol=1e-5)


def test_prompt_loss_weights() -> None:
    logits, iou = paddle.to_tensor(LOGITS[:, :1]), paddle.to_tensor([[0.5], [0.2]])
    targets = paddle.to_tensor(TARGETS[:, 0])
    parts = [
        float(prompt_loss(logits, iou, targets, LossWeights(*(float(i == j) for j in range(3))))[0]) for i in range(3)
    ]

    whole = float(prompt_loss(logits, iou, targets)[0])

    assert whole == pytest.approx(20 * parts[0] + parts[1] + parts[2], rel=1e-5)
