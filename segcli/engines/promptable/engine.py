"""The engine of the promptable networks, which are segcli's own: networks and training sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import paddle

from segcli.config.schema import Config
from segcli.data.decoding.image_range import COLOURS
from segcli.engine import Network, TrainingSession
from segcli.engines.promptable.training import open_session
from segcli.models.promptable.table import build_promptable_network
from segcli.models.spec import ModelSpec


class PromptableEngine:
    """Promptable segmentation; see `segcli.engine.Engine`."""

    def build_network(
        self,
        spec: ModelSpec,
        num_classes: int,
        *,
        input_size: int | None = None,
        options: Mapping[str, Any] | None = None,
        input_channels: int = COLOURS,
    ) -> Network:
        """The network with random weights; it has no classes, so `num_classes` is ignored."""
        with paddle.utils.unique_name.guard():
            return build_promptable_network(spec.name)

    def open_training(self, spec: ModelSpec, config: Config) -> TrainingSession:
        """Reads the dataset and builds everything that a training needs.

        Raises:
            ConfigError: There is no dataset, or optimizer or schedule cannot be built.
            DatasetError: The dataset cannot be trained on.
        """
        paddle.seed(config.Global.seed)
        return open_session(spec, config, self.build_network(spec, 0))

    def for_export(self, network: Network, spec: ModelSpec) -> Network:
        """The network itself: its two parts are exported separately, see `segcli.steps.export.promptable`."""
        network.eval()
        return network

    def array_forward(self, network: Network, *, small: bool = True) -> Callable[..., Any]:
        """Not available: a promptable network needs prompts, see `segcli.promptable.backends`."""
        raise NotImplementedError("a promptable network needs prompts: use segcli.promptable.backends")
