"""Forward and backward pass in the precision that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from segcli.engine import Batch, TrainingSession
from segcli.models.spec import HalfPrecision

if TYPE_CHECKING:
    from paddle import Tensor


class FullPrecision:
    """Plain float32."""

    def step(self, session: TrainingSession, batch: Batch) -> Mapping[str, Tensor]:
        """Computes the losses and gradients and moves the weights once."""
        losses = session.losses(batch)
        losses["loss"].backward()
        session.optimizer.step()
        return losses

    def state_dict(self) -> dict[str, Any]:
        """Nothing to keep."""
        return {}

    def load_state_dict(self, values: Mapping[str, Any]) -> None:
        """Nothing to take back."""


class MixedPrecision:
    """Automatic mixed precision (O1) with a loss scale, for devices whose half precision is faster.

    Args:
        operators: Operators of the model's library that are set apart from Paddle's own lists.
    """

    def __init__(self, operators: HalfPrecision) -> None:
        import paddle

        self._operators = operators
        self._scaler = paddle.amp.GradScaler(init_loss_scaling=1024)

    def step(self, session: TrainingSession, batch: Batch) -> Mapping[str, Tensor]:
        """As in full precision, with the forward pass in half precision and the gradients of a scaled loss."""
        import paddle

        with paddle.amp.auto_cast(
            level="O1",
            custom_white_list=set(self._operators.allowed),
            custom_black_list=set(self._operators.refused),
        ):
            losses = session.losses(batch)
        scaled = self._scaler.scale(losses["loss"])
        scaled.backward()
        self._scaler.minimize(session.optimizer, scaled)
        return losses

    def state_dict(self) -> dict[str, Any]:
        """The loss scale and its counters, as plain values."""
        values = self._scaler.state_dict()
        return {key: value.item() if hasattr(value, "item") else value for key, value in values.items()}

    def load_state_dict(self, values: Mapping[str, Any]) -> None:
        """Takes the loss scale back; a training that went without mixed precision has none."""
        import numpy as np

        if not values:
            return
        restored = dict(values)
        if "scale" in restored:
            restored["scale"] = np.asarray([restored["scale"]], dtype=np.float32)
        self._scaler.load_state_dict(restored)


Precision = FullPrecision | MixedPrecision
