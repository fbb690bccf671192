"""Forward and backward pass in the precision that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from segcli.engine import Batch, Tensor, TrainingSession

AmpLevel = Literal["OFF", "O1", "O2"]

_STABLE_IN_HALF = {"elementwise_add", "batch_norm", "sync_batch_norm"}
_UNSTABLE_IN_HALF = {"bilinear_interp_v2"}


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
    """Automatic mixed precision with a loss scale, for devices whose half precision is faster."""

    def __init__(self, session: TrainingSession, level: Literal["O1", "O2"]) -> None:
        import paddle

        self._level = level
        self._scaler = paddle.amp.GradScaler(init_loss_scaling=1024)
        if level == "O2":
            session.network, session.optimizer = paddle.amp.decorate(
                models=session.network, optimizers=session.optimizer, level="O2", save_dtype="float32"
            )

    def step(self, session: TrainingSession, batch: Batch) -> Mapping[str, Tensor]:
        """As in full precision, with the forward pass in half precision and the gradients of a scaled loss."""
        import paddle

        with paddle.amp.auto_cast(
            level=self._level, custom_white_list=_STABLE_IN_HALF, custom_black_list=_UNSTABLE_IN_HALF
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
        """Takes the loss scale back."""
        import numpy as np

        restored = dict(values)
        if "scale" in restored:
            restored["scale"] = np.asarray([restored["scale"]], dtype=np.float32)
        self._scaler.load_state_dict(restored)


Precision = FullPrecision | MixedPrecision
