"""Whether an image is cut into tiles, and into which: only where the whole one would not fit into the memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segcli.config.schema import SlidingWindowConfig
from segcli.data.budget import SHARE, memory_bytes
from segcli.models.spec import Preprocess

_NETWORK_BYTES = {"paddle": 1000}
_FAST_BYTES = 450
"""What a network that takes images in their own size needs for a pixel, measured with 19 classes: PP-LiteSeg-T 249,
UNet-S 365, SegFormer-B0 430 on OpenVINO, UNet-S 968 on Paddle."""
_IMAGE_BYTES = 40
"""What an image, its label map, its drawing and their copies need for a pixel, whatever the network needs."""
_SIDE_PX = 1024
_LEAST_PX, _MOST_PX = 256, 4096
_STEP = 0.75
"""Of a tile's side, from one tile to the next."""


@dataclass(frozen=True)
class Tiling:
    """How images become tiles.

    Attributes:
        window: The tiles of images that do not fit.
        most_px: Pixels of the largest image that is taken whole; 0 cuts every one.
        decoded_px: Pixels of the largest image that is decoded whole.
    """

    window: SlidingWindowConfig
    most_px: int
    decoded_px: int

    def of(self, size: tuple[int, int]) -> SlidingWindowConfig | None:
        """The tiles of an image of that height and width; None where it is taken whole."""
        return self.window if size[0] * size[1] > self.most_px else None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the files of results."""
        return {"above_px": self.most_px, **self.window.model_dump(mode="json")}


@dataclass(frozen=True)
class NetworkFacts:
    """What of a network decides over tiles.

    Attributes:
        preprocess: How images become its input.
        input_size: Height and width of its input; None where images keep their size.
        inputs: Numbers of the training images; see `segcli.models.card.ModelCard.inputs`.
        runtime: What runs it.
    """

    preprocess: Preprocess
    input_size: tuple[int, int] | None
    inputs: Mapping[str, Any]
    runtime: str


def tiling(wanted: SlidingWindowConfig | None, memory_mb: int | None, network: NetworkFacts) -> Tiling:
    """How the images of one network become tiles.

    Args:
        wanted: Tiles for every image.
        memory_mb: What a whole image may take; None is half of the machine's memory.
        network: The network.
    """
    budget = memory_bytes() * SHARE if memory_mb is None else memory_mb * 1e6
    decoded_px = int(budget // _IMAGE_BYTES)
    if wanted is not None:
        return Tiling(wanted, 0, decoded_px)
    shrinks = network.input_size is not None or network.preprocess.size is not None
    per_pixel = _IMAGE_BYTES if shrinks else _NETWORK_BYTES.get(network.runtime, _FAST_BYTES)
    sides = _learnt_sides(network) if shrinks else (_SIDE_PX, _SIDE_PX)
    stride = tuple(max(1, round(side * _STEP)) for side in sides)
    return Tiling(
        SlidingWindowConfig(crop_size=sides, stride=(stride[0], stride[1])), int(budget // per_pixel), decoded_px
    )


def _learnt_sides(network: NetworkFacts) -> tuple[int, int]:
    """Width and height of a typical training image: in a tile of that size, things are as large as in the training."""
    try:
        sides = network.inputs["width_px"]["median"], network.inputs["height_px"]["median"]
    except (KeyError, TypeError):
        height, width = network.input_size or network.preprocess.size or (_SIDE_PX, _SIDE_PX)
        sides = width, height
    width, height = (min(max(round(side), _LEAST_PX), _MOST_PX) for side in sides)
    return width, height
