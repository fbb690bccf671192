"""The engine of semantic segmentation, on PaddleSeg: networks, training sessions, exported programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from segcli.config.schema import Config
from segcli.data.decoding.image_range import COLOURS
from segcli.engine import Network
from segcli.engines.paddleseg.networks import build
from segcli.engines.paddleseg.session import SemanticSession, network_forward
from segcli.engines.paddleseg.training import open_session
from segcli.models.spec import ModelSpec


class PaddleSegEngine:
    """Semantic segmentation; see `segcli.engine.Engine`."""

    def build_network(
        self,
        spec: ModelSpec,
        num_classes: int,
        *,
        input_size: int | None = None,
        options: Mapping[str, Any] | None = None,
        input_channels: int = COLOURS,
    ) -> Network:
        """The network with random weights."""
        return build(spec, num_classes, input_channels)

    def open_training(self, spec: ModelSpec, config: Config) -> SemanticSession:
        """Reads the lists of the dataset and builds everything that a training needs."""
        return open_session(spec, config)

    def for_export(self, network: Network, spec: ModelSpec) -> Network:
        """A wrapper whose forward returns only the logits [N, C, H, W], without the auxiliary outputs.

        Layers of `network` that need a fixed input size are replaced by others that compute the same.
        """
        import paddle

        from segcli.engines.paddleseg.exporting import free_adaptive_pools

        class Logits(paddle.nn.Layer):
            """The first output of the network."""

            def __init__(self, inner: Network) -> None:
                super().__init__()
                self.inner = inner

            def forward(self, x: Any) -> Any:
                """Logits [N, C, H, W] of normalised images [N, channels, H, W]."""
                return self.inner(x)[0]

        network.eval()
        free_adaptive_pools(network)
        wrapper = Logits(network)
        wrapper.eval()
        return wrapper

    def array_forward(self, network: Network, *, small: bool = True) -> Callable[..., Any]:
        """A function from normalised images [N, channels, H, W] to logits [N, C, H, W], both arrays."""
        forward: Callable[..., Any] = network_forward(network)
        return forward
