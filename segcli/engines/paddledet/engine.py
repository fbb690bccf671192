"""The engine of instance segmentation, on PaddleDetection: networks, training sessions, exported programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from segcli.config.schema import Config
from segcli.data.decoding.image_range import COLOURS
from segcli.engine import Network
from segcli.engines.paddledet.inference import ArrayForward
from segcli.engines.paddledet.networks import build_instance_network
from segcli.engines.paddledet.session import InstanceSession
from segcli.engines.paddledet.training import open_session
from segcli.models.instance.table import SIZED
from segcli.models.spec import ModelSpec


class PaddleDetEngine:
    """Instance segmentation; see `segcli.engine.Engine`."""

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
        return build_instance_network(spec.name, num_classes, input_size or SIZED[spec.name].default, options=options)

    def open_training(self, spec: ModelSpec, config: Config) -> InstanceSession:
        """Reads the annotation files of the dataset and builds everything that a training needs."""
        return open_session(spec, config)

    def for_export(self, network: Network, spec: ModelSpec) -> Network:
        """A wrapper that maps ``im_shape``, ``image``, ``scale_factor`` of one image to the outputs PaddleX expects.

        These are ``bbox``, ``bbox_num``, ``mask``; for SOLOv2 ``bbox_num``, ``cate_label``, ``cate_score``, ``segm``.
        """
        from segcli.engines.paddledet.exporting import ExportedNetwork

        return ExportedNetwork(network, small=False)

    def array_forward(self, network: Network, *, small: bool = True) -> Callable[..., Any]:
        """A function from input arrays by name to the arrays of `segcli.inference.decode_objects.Outputs`."""
        return ArrayForward(network, small=small)

    def save_program(self, network: Network, stem: Path, size: tuple[int, int] | None, *, small: bool) -> None:
        """Writes `<stem>.json` and `<stem>.pdiparams`."""
        from segcli.engines.paddledet.exporting import save_program

        save_program(network, stem, size, small=small)

    def save_two_parts(self, network: Network, stem: Path, heads: Path) -> None:
        """Writes an R-CNN as two programs, see `two_parts.save_two_parts`."""
        from segcli.engines.paddledet.two_parts import save_two_parts

        save_two_parts(network, stem, heads)
