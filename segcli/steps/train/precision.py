"""Forward and backward pass in the configured precision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from segcli.engine import Batch, TrainingSession
from segcli.models.spec import HalfPrecision

if TYPE_CHECKING:
    from paddle import Tensor


class FullPrecision:
    """Plain float32."""

    def step(self, session: TrainingSession, batches: Iterable[Batch]) -> Mapping[str, Tensor]:
        """Computes losses and gradients of the batches of an iteration and updates the weights once."""
        losses = _accumulated(session, batches, session.losses, lambda loss: loss.backward())
        session.optimizer.step()
        return losses

    def state_dict(self) -> dict[str, Any]:
        """Nothing to keep."""
        return {}

    def load_state_dict(self, values: Mapping[str, Any]) -> None:
        """Nothing to restore."""


class MixedPrecision:
    """Automatic mixed precision (O1) with a loss scale, for devices whose half precision is faster.

    Args:
        operators: The library's additions to Paddle's lists of allowed and refused operators.
    """

    def __init__(self, operators: HalfPrecision) -> None:
        import paddle

        self._operators = operators
        self._scaler = paddle.amp.GradScaler(init_loss_scaling=1024)

    def step(self, session: TrainingSession, batches: Iterable[Batch]) -> Mapping[str, Tensor]:
        """As in full precision, with the forward pass in half precision and the gradients of a scaled loss."""
        import paddle

        def forward(batch: Batch) -> Mapping[str, Tensor]:
            with paddle.amp.auto_cast(
                level="O1",
                custom_white_list=set(self._operators.allowed),
                custom_black_list=set(self._operators.refused),
            ):
                return session.losses(batch)

        losses = _accumulated(session, batches, forward, lambda loss: self._scaler.scale(loss).backward())
        self._scaler.minimize(session.optimizer, losses["loss"])
        return losses

    def state_dict(self) -> dict[str, Any]:
        """The loss scale and its counters, as plain values."""
        values = self._scaler.state_dict()
        return {key: value.item() if hasattr(value, "item") else value for key, value in values.items()}

    def load_state_dict(self, values: Mapping[str, Any]) -> None:
        """Restores the loss scale; a training without mixed precision has none."""
        import numpy as np

        if not values:
            return
        restored = dict(values)
        if "scale" in restored:
            restored["scale"] = np.asarray([restored["scale"]], dtype=np.float32)
        self._scaler.load_state_dict(restored)


def _accumulated(
    session: TrainingSession,
    batches: Iterable[Batch],
    forward: Callable[[Batch], Mapping[str, Tensor]],
    backward: Callable[[Tensor], None],
) -> Mapping[str, Tensor]:
    """Accumulates the gradients of the mean loss over the batches of an iteration; returns the mean losses.

    That is the gradient of one large batch, except for what depends on a whole batch: batch normalisation, and means
    over counts that differ between batches, such as labelled pixels.
    """
    count = session.accumulate
    total: dict[str, Tensor] = {}
    for number, batch in enumerate(batches, start=1):
        with nullcontext() if number == count else _unshared(session):
            losses = forward(batch)
            if count == 1:
                backward(losses["loss"])
                return losses
            backward(losses["loss"] / count)
        for name, loss in losses.items():
            part = loss.detach() / count
            total[name] = total[name] + part if name in total else part
    return total


def _unshared(session: TrainingSession) -> AbstractContextManager[Any]:
    """Skips the gradient exchange, which several processes need only with the last batch of an iteration."""
    context: AbstractContextManager[Any] = getattr(session.forward, "no_sync", nullcontext)()
    return context


Precision = FullPrecision | MixedPrecision
