"""`fingerprint.json`: a dataset in numbers, from the pass that checks it; no file is opened again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.class_weights import median_frequency_weights
from segcli.data.files import write_json_atomic
from segcli.data.samples import Split
from segcli.steps.check.files import FileFacts
from segcli.steps.check.result import ClassCount
from segcli.version import __version__

FILE = "fingerprint.json"
SCHEMA_VERSION = 1
_QUANTILES = (0, 5, 50, 95, 100)


@dataclass
class ImageNumbers:
    """Sizes, kinds and brightness of the images seen so far; 24 bytes an image are kept.

    Attributes:
        widths: In pixels.
        heights: In pixels.
        brightness: Mean grey value of each image, 0 to 255, of its small form.
        contrast: Standard deviation of the same.
        kinds: Images by channels and bits.
    """

    widths: list[int] = field(default_factory=list)
    heights: list[int] = field(default_factory=list)
    brightness: list[float] = field(default_factory=list)
    contrast: list[float] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def update(self, file: FileFacts) -> None:
        """Adds one image."""
        if file.header is not None:
            width, height = file.header.size
            self.widths.append(width)
            self.heights.append(height)
            self.kinds[f"{file.header.channels} x {file.header.bits} bits"] += 1
        if file.signature is not None:
            grey = np.frombuffer(file.signature.thumb, np.uint8)
            self.brightness.append(float(grey.mean()))
            self.contrast.append(float(grey.std()))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        ratios = [width / height for width, height in zip(self.widths, self.heights, strict=True)]
        return {
            "count": len(self.widths),
            "width_px": quantiles(self.widths),
            "height_px": quantiles(self.heights),
            "aspect_ratio": quantiles(ratios),
            "kinds": dict(self.kinds.most_common()),
            "brightness": quantiles(self.brightness),
            "contrast": quantiles(self.contrast),
        }


def quantiles(values: Sequence[float]) -> dict[str, float] | None:
    """Least, 5 %, median, 95 % and largest; None where there are no values."""
    if not len(values):
        return None
    found = np.percentile(np.asarray(values, np.float64), _QUANTILES)
    names = ("min", "p5", "median", "p95", "max")
    return {name: round(float(value), 4) for name, value in zip(names, found, strict=True)}


def skew(counts: Sequence[ClassCount]) -> float | None:
    """How far the classes of train and val differ in their shares: total variation, 0 (alike) to 1."""
    shares = []
    for split in Split:
        amounts = np.array([count.amounts[split] for count in counts], np.float64)
        if amounts.sum() == 0:
            return None
        shares.append(amounts / amounts.sum())
    return round(0.5 * float(np.abs(shares[0] - shares[1]).sum()), 4)


def write_fingerprint(
    target: Path,
    images: ImageNumbers,
    counts: Sequence[ClassCount],
    together: NDArray[np.int64],
    objects: Mapping[str, Any] | None = None,
) -> None:
    """Writes the fingerprint of a dataset.

    Args:
        target: Where the file goes.
        images: Numbers of the images.
        counts: How often each class occurs.
        together: Images that show two classes together, int64 [classes, classes]; on the diagonal those of one class.
        objects: Numbers of the objects, where the labels are objects.
    """
    pixels = np.array([count.amounts[Split.TRAIN] for count in counts], np.int64)
    values = {
        "schema_version": SCHEMA_VERSION,
        "segcli_version": __version__,
        "images": images.as_dict(),
        "classes": [count.as_dict() for count in counts],
        "classes_together": together.tolist(),
        "skew_between_splits": skew(counts),
        "class_weights": [round(weight, 4) for weight in median_frequency_weights(pixels)],
        "objects": objects,
    }
    write_json_atomic(target, values)
