"""How values become a network's input: which of them are black and white, and how many bands there are.

Images of 12 bits in 16, or of 0.0 to 1.0, keep their content so. Those of 8 bits are read as they are, whatever the
range.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    # a configuration is checked without NumPy, whose import takes longer than all of the check
    import numpy as np
    from numpy.typing import NDArray

RangeName = Literal["auto", "bits", "percentile"]
RangeSetting = RangeName | tuple[float, float]
"""As the configuration gives it."""

PERCENTILES = (0.5, 99.5)
DEPTHS = (8, 10, 12, 14, 16, 24, 32)
"""Bits that sensors use; values of 12 bits are often stored in 16."""
COLOURS = 3
"""Channels of a network that takes colours; of any other number the bands of the file are taken as they are."""
MOST_BANDS = 16
LEAST_SHARE = 1 / 16
"""An image that uses less of the range has lost most of its grey levels."""


@dataclass(frozen=True)
class ImageRange:
    """How values of more than 8 bits become 8 bits.

    Attributes:
        kind: ``bits`` takes all that the type of the file can hold (0 to 1 for real numbers), ``percentile`` each
            image's own 0.5 and 99.5 percent, ``fixed`` the two values.
        low: Value that becomes 0.
        high: Value that becomes 255.
        channels: Of the network's input. With 3, images are RGB, whatever the file holds; with 1 to 16 others a file
            must have just as many bands.
    """

    kind: Literal["bits", "percentile", "fixed"] = "bits"
    low: float = 0.0
    high: float = 0.0
    channels: int = COLOURS

    @property
    def takes_bands(self) -> bool:
        """Whether images are the bands of their files, and not colours."""
        return self.channels != COLOURS

    def apply(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """The values as uint8, of the same shape; what lies outside of the range is clipped, NaN is black."""
        import numpy as np

        if values.dtype == np.uint8:
            return np.asarray(values, np.uint8)
        if values.dtype == np.bool_:
            return np.asarray(values * np.uint8(255), np.uint8)
        if self.kind == "bits" and values.dtype == np.uint16:
            return (values >> 8).astype(np.uint8)
        low, high = self.limits(values)
        # -1.8e308 marks places without a value in some files
        is_wide = max(abs(low), abs(high)) > float(np.finfo(np.float32).max)
        values = values.astype(np.float64) if is_wide else values
        inside = np.clip(np.where(np.isnan(values), low, values), low, high)
        inside = inside if is_wide else inside.astype(np.float32)
        return np.asarray(np.rint((inside - low) * (255.0 / max(high - low, 1e-12))), np.uint8)

    def limits(self, values: NDArray[Any]) -> tuple[float, float]:
        """The values of an image that become 0 and 255."""
        import numpy as np

        if self.kind == "fixed":
            return self.low, self.high
        if self.kind == "percentile":
            finite = values[np.isfinite(values)]
            low, high = np.percentile(finite, PERCENTILES) if finite.size else (0.0, 1.0)
            return float(low), float(high)
        return (0.0, 1.0) if values.dtype.kind == "f" else (0.0, float(np.iinfo(values.dtype).max))

    def share(self, lowest: float, highest: float, values: np.dtype[Any]) -> float:
        """How much of the range an image of that type uses whose values lie between two, 0 to 1."""
        import numpy as np

        if self.kind == "percentile":
            return 1.0
        low, high = self.limits(np.zeros(0, values))
        inside = min(max(highest, low), high) - max(min(lowest, high), low)
        return inside / max(high - low, 1e-12)

    def as_setting(self) -> RangeSetting:
        """As a configuration and an exported model's file give it."""
        return (self.low, self.high) if self.kind == "fixed" else self.kind

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}" if self.kind == "fixed" else self.kind


def parse_range(setting: str | Sequence[float] | None) -> ImageRange:
    """The range of a setting other than ``auto``, which needs the images; None is ``bits``.

    Raises:
        ValueError: It is none.
    """
    if setting in (None, "bits"):
        return ImageRange()
    if setting == "percentile":
        return ImageRange("percentile")
    if isinstance(setting, str) or len(setting) != 2 or not setting[0] < setting[1]:
        raise ValueError(f"{setting!r} is not bits, percentile or [low, high]")
    return ImageRange("fixed", float(setting[0]), float(setting[1]))


def range_of_values(lowest: float, highest: float, *, real: bool) -> ImageRange:
    """The range that images with these extremes were meant to have: the fewest bits that sensors use, or 0 to 1.

    Args:
        lowest: Least value of all images.
        highest: Greatest.
        real: Whether they are real numbers.
    """
    if lowest >= 0 and real and highest <= 1:
        return ImageRange("fixed", 0.0, 1.0)
    if lowest >= 0:
        for bits in DEPTHS:
            if highest < 2**bits:
                if bits == 16 and not real:
                    return ImageRange()
                return ImageRange("fixed", 0.0, float(2**bits - 1))
    return ImageRange("fixed", float(lowest), float(max(highest, lowest + 1)))
