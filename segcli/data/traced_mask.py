"""A mask with what is made of it once for all who draw or write it: its pixels and its outlines."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from segcli.data import rle
from segcli.data.contours import Outline, mask_outlines, outlines_together
from segcli.data.rle import Crop, Rle


class TracedMask:
    """A mask that is decoded and traced when this is first needed, and then kept.

    Attributes:
        code: Run-length code in the size of the image.
    """

    def __init__(self, code: Rle) -> None:
        self.code = code

    @property
    def area_px(self) -> int:
        """Pixels inside."""
        return int(rle.area(self.code))

    @cached_property
    def crop(self) -> Crop | None:
        """The pixels in the smallest rectangle around them; None when there are none."""
        return rle.decode_crop(self.code)

    def within(self, box: tuple[float, float, float, float]) -> rle.UInt8Array:
        """The mask cropped to a rounded box (left, top, right, bottom in pixels), uint8 [h, w], as in PaddleX."""
        left, top, right, bottom = (max(0, round(side)) for side in box)
        return rle.window_of(self.crop, self.code["size"], (left, top, right, bottom))

    @cached_property
    def outlines(self) -> tuple[Outline, ...]:
        """The outlines in pixels of the image."""
        return () if self.crop is None else tuple(mask_outlines(*self.crop))


def trace_together(masks: Iterable[TracedMask]) -> None:
    """Traces the masks that were not traced yet in one go."""
    crops = {mask: mask.crop for mask in masks if "outlines" not in vars(mask)}
    found = outlines_together([crop for crop in crops.values() if crop is not None])
    for mask, outlines in zip((mask for mask, crop in crops.items() if crop is not None), found, strict=True):
        vars(mask)["outlines"] = tuple(outlines)
