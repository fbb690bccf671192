"""Networks as they are traced for export: one picture, inputs and outputs in a fixed order."""

from __future__ import annotations

from typing import Any

import paddle

from segcli.engines.paddledet.inference import small_outputs, whole_outputs
from segcli.engines.protocol import Network, Tensor

INPUTS = ("im_shape", "image", "scale_factor")
"""Names of the inputs, in the order in which PaddleX gives them."""


class ExportedNetwork(paddle.nn.Layer):  # type: ignore[misc]
    """A network that takes and gives tensors in order.

    Args:
        network: Any instance network.
        small: Whether masks stay as small as the head makes them, or become as large as the picture.
    """

    def __init__(self, network: Network, *, small: bool) -> None:
        super().__init__()
        network.eval()
        self.network = network
        self._outputs: Any = small_outputs if small else whole_outputs
        self.eval()

    def forward(self, im_shape: Tensor, image: Tensor, scale_factor: Tensor) -> list[Tensor]:
        """The outputs in the order of `segcli.predict.objects.Outputs`."""
        inputs = {"im_shape": im_shape, "image": image, "scale_factor": scale_factor}
        outputs: list[Tensor] = self._outputs(self.network, inputs)
        return outputs
