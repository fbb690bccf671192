"""Decides whether an image is split into tiles, and their size: only if the whole image would not fit into memory."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from segcli.config.schema import SlidingWindowConfig
from segcli.data.budget import SHARE, memory_bytes
from segcli.models.spec import Preprocess

log = logging.getLogger("segcli.predict")

_NETWORK_BYTES = {"paddle": 1000}
_FAST_BYTES = 450
"""Bytes per pixel of a network that takes images in their own size, measured with 19 classes: PP-LiteSeg-T 249, UNet-S
365, SegFormer-B0 430 on OpenVINO, UNet-S 968 on Paddle."""
_BAND_BYTES = 225
"""Bytes per pixel of a network that runs in bands: at most half of the whole one's; 37 for PP-LiteSeg-T, 58 for
SeaFormer_tiny."""
_IMAGE_BYTES = 40
"""Bytes per pixel of an image, its label map, its drawing and their copies, in addition to the network."""
_SIDE_PX = 1024
_LEAST_PX, _MOST_PX = 256, 4096
_SAME_SIZE = 1.3
"""Factor up to which things of another size are recognised as in training."""
_STEP = 0.75
"""Stride between tiles, as share of their side."""


class Tiling(NamedTuple):
    """How images are split into tiles.

    Attributes:
        window: Size and stride of the tiles of images that do not fit into memory.
        most_px: Pixels of the largest image that is predicted whole; 0 splits every image.
        decoded_px: Pixels of the largest image that is decoded whole.
        banded_px: Pixels of the largest image that is predicted whole if its network runs in bands.
    """

    window: SlidingWindowConfig
    most_px: int
    decoded_px: int
    banded_px: int = 0

    def of(self, size: tuple[int, int]) -> SlidingWindowConfig | None:
        """The tiles of an image of size (height, width); None if it is predicted whole."""
        return self.window if size[0] * size[1] > self.most_px else None

    def fits_in_bands(self, size: tuple[int, int]) -> bool:
        """Whether an image of size (height, width) is predicted whole if its network runs in bands."""
        return size[0] * size[1] <= self.banded_px

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for result files."""
        return {"above_px": self.most_px, **self.window.model_dump(mode="json")}


class NetworkFacts(NamedTuple):
    """The properties of a network that determine tiles.

    Attributes:
        preprocess: How images become its input.
        input_size: Height and width of its input; None if images keep their size.
        inputs: Statistics of the training images; see `segcli.models.card.ModelCard.inputs`.
        runtime: Name of the runtime that runs it.
    """

    preprocess: Preprocess
    input_size: tuple[int, int] | None
    inputs: Mapping[str, Any]
    runtime: str


def tiling(wanted: SlidingWindowConfig | None, memory_mb: int | None, network: NetworkFacts) -> Tiling:
    """How the images of one network are split into tiles.

    Args:
        wanted: The user's tiles, used for every image; None splits only images that do not fit into memory.
        memory_mb: Memory in MB that a whole image may use; None uses half of the machine's memory.
        network: The network.
    """
    budget = memory_bytes() * SHARE if memory_mb is None else memory_mb * 1e6
    decoded_px = int(budget // _IMAGE_BYTES)
    shrinks = network.input_size is not None or network.preprocess.size is not None
    if wanted is not None:
        if shrinks:
            _tell_of_scale(wanted, network)
        return Tiling(wanted, 0, decoded_px)
    per_pixel = _IMAGE_BYTES if shrinks else _NETWORK_BYTES.get(network.runtime, _FAST_BYTES)
    sides = _learnt_sides(network) if shrinks else (_SIDE_PX, _SIDE_PX)
    stride = tuple(max(1, round(side * _STEP)) for side in sides)
    window = SlidingWindowConfig(crop_size=sides, stride=(stride[0], stride[1]))
    return Tiling(window, int(budget // per_pixel), decoded_px, int(budget // _BAND_BYTES))


def _tell_of_scale(window: SlidingWindowConfig, network: NetworkFacts) -> None:
    """Warns of tiles in which things appear in another size than in training, which costs accuracy."""
    sides = _typical_sides(network)
    if sides is None:
        return
    times = max(sides) / max(window.crop_size)
    if not 1 / _SAME_SIZE <= times <= _SAME_SIZE:
        width, height = (round(side) for side in sides)
        log.warning(
            "the network resizes each tile to its input: things appear %.2g times as large as in training images of "
            "%d x %d px; a crop_size of about that size keeps what was learnt",
            times,
            width,
            height,
        )


def _typical_sides(network: NetworkFacts) -> tuple[float, float] | None:
    """Median width and height of the training images in pixels; None if unknown."""
    try:
        return float(network.inputs["width_px"]["median"]), float(network.inputs["height_px"]["median"])
    except (KeyError, TypeError):
        return None


def _learnt_sides(network: NetworkFacts) -> tuple[int, int]:
    """Width and height of a typical training image: objects in a tile of that size appear as large as in training."""
    sides = _typical_sides(network)
    if sides is None:
        height, width = network.input_size or network.preprocess.size or (_SIDE_PX, _SIDE_PX)
        sides = width, height
    width, height = (min(max(round(side), _LEAST_PX), _MOST_PX) for side in sides)
    return width, height
