"""The Dice loss of a batch against its definition in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest

from segcli.engines.paddleseg.losses import BatchDiceLoss

Array = np.ndarray[Any, Any]
IGNORED = 255


def case(classes: int, side: int = 150) -> tuple[Array, Array]:
    """Logits and labels of three images, larger than a band, of which the last has no known pixel."""
    rng = np.random.default_rng(classes)
    labels = rng.integers(0, classes, (3, side, side))
    labels[0, :5], labels[2] = IGNORED, IGNORED
    return rng.normal(0, 3, (3, classes, side, side)).astype(np.float32), labels


def plain(logits: Any, labels: Any, smooth: float) -> Any:
    """The definition by Paddle's operators, for every precision."""
    found = paddle.nn.functional.softmax(logits, axis=1)
    classes = paddle.arange(logits.shape[1]).reshape([1, -1, 1, 1])
    truth = (labels.unsqueeze(1) == classes).astype(logits.dtype)
    found = found * (labels != IGNORED).astype(logits.dtype).unsqueeze(1)
    overlap = (2 * (truth * found).sum([0, 2, 3]) + smooth) / ((truth + found).sum([0, 2, 3]) + smooth)
    return 1 - overlap.mean()


def results(loss: Any, logits: Array, labels: Array, dtype: str) -> tuple[float, Array]:
    """The loss, and the gradient of three times it."""
    given = paddle.to_tensor(logits.astype(dtype), stop_gradient=False)
    value = loss(given, paddle.to_tensor(labels))
    (3 * value).backward()
    return float(value), given.grad.numpy()


@pytest.mark.parametrize("classes", [2, 19])
@pytest.mark.parametrize("smooth", [1.0, 100.0])
def test_loss_and_gradient_are_those_of_double_precision(classes: int, smooth: float) -> None:
    logits, labels = case(classes)

    loss, gradient = results(BatchDiceLoss(smooth=smooth), logits, labels, "float32")
    expected, slope = results(lambda x, y: plain(x, y, smooth), logits, labels, "float64")

    assert loss == pytest.approx(expected, abs=2e-7)
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=2e-6 * np.abs(slope).max())
    assert not gradient[labels[:, None].repeat(classes, 1) == IGNORED].any()


def test_it_is_computed_here_in_training_and_by_paddle_elsewhere() -> None:
    logits, labels = (paddle.to_tensor(one) for one in case(3))
    logits.stop_gradient = False
    trained = BatchDiceLoss()(logits, labels)
    with paddle.no_grad():
        measured = BatchDiceLoss()(logits.detach(), labels)

    assert "BatchDice" in trained.grad_fn.name()
    assert float(trained) == pytest.approx(float(measured), abs=1e-4)  # Paddle adds in single precision


def test_labels_that_are_no_class_are_refused_by_paddle() -> None:
    logits, labels = case(3, side=8)
    labels[0, 0, 0] = 3
    with pytest.raises((ValueError, OSError)):
        BatchDiceLoss()(paddle.to_tensor(logits, stop_gradient=False), paddle.to_tensor(labels))


@pytest.mark.parametrize("value", [np.inf, 3e38, np.nan])
def test_a_diverged_network_gives_no_warnings(value: float) -> None:
    logits, labels = case(3, side=8)
    logits[0, 0, 7, 7] = value
    results(BatchDiceLoss(), logits, labels, "float32")
