"""Large images in overlapping tiles, for evaluation and prediction."""

from segcli.config.schema.base import Section


class SlidingWindowConfig(Section):
    """Evaluation and prediction of large images in overlapping tiles.

    Attributes:
        crop_size: Width and height of a tile in pixels.
        stride: Steps to the right and down between two tiles, in pixels.
    """

    crop_size: tuple[int, int]
    stride: tuple[int, int]
