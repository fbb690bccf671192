"""Large images in overlapping tiles, for evaluation and prediction."""

from typing import Literal

from segcli.config.schema.base import Section


class SlidingWindowConfig(Section):
    """Evaluation and prediction of large images in overlapping tiles.

    Attributes:
        crop_size: Width and height of a tile in pixels.
        stride: Steps to the right and down between two tiles, in pixels.
        border: Where the last tile of a row or column would reach beyond the image: ``inside`` moves it back, as
            PaddleSeg does; ``mirror`` leaves it there, over mirrored pixels (semantic models).
    """

    crop_size: tuple[int, int]
    stride: tuple[int, int]
    border: Literal["inside", "mirror"] = "inside"
