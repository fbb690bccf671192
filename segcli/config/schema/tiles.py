"""Large images in overlapping tiles, for evaluation and prediction."""

from typing import Literal

from segcli.config.schema.base import Section


class SlidingWindowConfig(Section):
    """Evaluation and prediction of large images in overlapping tiles.

    Attributes:
        crop_size: Width and height of a tile in pixels.
        stride: Horizontal and vertical step between two tiles, in pixels.
        border: What happens to a last tile that extends beyond the image: ``inside`` moves it back inside, as PaddleSeg
            does; ``mirror`` fills it with mirrored pixels (semantic models).
    """

    crop_size: tuple[int, int]
    stride: tuple[int, int]
    border: Literal["inside", "mirror"] = "inside"
