"""How a pass over a dataset is made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segcli.data.decoding.image_range import COLOURS, RangeSetting
from segcli.data.decoding.range_of_images import AUTO
from segcli.data.splits.groups import GroupOf


@dataclass(frozen=True)
class PassSettings:
    """How a pass over a dataset is made.

    Attributes:
        workers: Threads; None is one per core.
        draw: Number of samples per split to keep for drawing.
        group_of: Maps an image's name to its group, which must not be in both splits; None without groups.
        image_range: Range with which images of more than 8 bits are read.
        manifest: Cache file with the facts of the last check, rewritten for the next; None for no cache.
        decoded: Number of evenly chosen samples per split to decode; of the others only the headers are read. None
            decodes all.
        channels: Number of bands that the images must have; 3 reads any image as RGB.
    """

    workers: int | None = None
    draw: int = 0
    group_of: GroupOf | None = None
    image_range: RangeSetting = AUTO
    manifest: Path | None = None
    decoded: int | None = None
    channels: int = COLOURS


EVERY_FILE = PassSettings()
"""Everything is decoded, and nothing is kept."""
