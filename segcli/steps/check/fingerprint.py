"""`fingerprint.json`: statistics of a dataset, from the pass that checks it; no file is opened again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from segcli.data.class_weights import median_frequency_weights
from segcli.data.decoding.used_range import current_range
from segcli.data.files import write_json_atomic
from segcli.data.fingerprint.images import ImageNumbers
from segcli.data.fingerprint.labels import Fingerprint
from segcli.data.fingerprint.suggestions import suggestions
from segcli.data.samples import Split
from segcli.steps.check.result import ClassCount
from segcli.version import __version__

FILE = "fingerprint.json"
MOST_IN_TABLE = 256
"""Most classes for which the file has the full table of co-occurrences; above, it has the frequent pairs only."""
MOST_PAIRS = 1000
SCHEMA_VERSION = 2

Numbers = Mapping[Split, ImageNumbers]


def class_skew(counts: Sequence[ClassCount]) -> float | None:
    """Total variation distance of the class shares of train and val, 0 (alike) to 1; None if a split is empty."""
    shares = []
    for split in Split:
        amounts = np.array([count.amounts[split] for count in counts], np.float64)
        if amounts.sum() == 0:
            return None
        shares.append(amounts / amounts.sum())
    return round(0.5 * float(np.abs(shares[0] - shares[1]).sum()), 4)


def distance(one: ArrayLike, other: ArrayLike) -> float | None:
    """Kolmogorov-Smirnov distance of two samples, 0 (alike) to 1; None if one is empty."""
    samples = [np.sort(np.asarray(values)) for values in (one, other)]
    if not all(map(len, samples)):
        return None
    places = np.sort(np.concatenate(samples))
    shares = [np.searchsorted(values, places, side="right") / len(values) for values in samples]
    return round(float(np.abs(shares[0] - shares[1]).max()), 4)


def skew(counts: Sequence[ClassCount], numbers: Numbers) -> dict[str, float | None]:
    """Distances of train and val, 0 (alike) to 1: in classes, image areas, brightness and contrast."""
    train, val = (numbers[split] for split in Split)
    areas = [one.sizes.prod(axis=1) for one in (train, val)]
    return {
        "classes": class_skew(counts),
        "image_area": distance(*areas),
        "brightness": distance(train.brightness, val.brightness),
        "contrast": distance(train.contrast, val.contrast),
    }


def most_together(together: NDArray[np.int64]) -> list[list[int]]:
    """The class pairs that occur together most often, at most `MOST_PAIRS`: two class ids and the number of images."""
    one, other = np.nonzero(np.triu(together, k=1))
    numbers = together[one, other]
    most = np.argsort(-numbers, kind="stable")[:MOST_PAIRS]
    return [[int(value) for value in row] for row in np.stack([one, other, numbers], axis=1)[most]]


def write_fingerprint(
    target: Path,
    numbers: Numbers,
    counts: Sequence[ClassCount],
    *,
    together: NDArray[np.int64],
    training: Fingerprint,
    objects: Mapping[str, Any] | None = None,
    boxes: Sequence[tuple[float, float]] = (),
) -> None:
    """Writes the fingerprint of a dataset.

    Args:
        target: Where the file goes.
        numbers: Statistics of the images of each split.
        counts: How often each class occurs.
        together: Images that show both of two classes, int64 [classes, classes]; the diagonal has those of each class.
        training: The statistics from which a training is planned.
        objects: Statistics of the objects; None for label maps.
        boxes: Widths and heights of the objects' boxes in pixels.
    """
    pixels = np.array([count.amounts[Split.TRAIN] for count in counts], np.int64)
    weights = [round(weight, 4) for weight in median_frequency_weights(pixels)]
    values = {
        "schema_version": SCHEMA_VERSION,
        "segcli_version": __version__,
        "image_range": current_range().as_setting(),
        "images": {split.value: numbers[split].as_dict() for split in Split},
        "classes": [count.as_dict() for count in counts],
        "classes_together": together.tolist() if len(together) <= MOST_IN_TABLE else None,
        "classes_together_most": most_together(together),
        "skew_between_splits": skew(counts, numbers),
        "training": training.as_dict(),
        "objects": objects,
        "suggestions": {**suggestions(training, boxes), "class_weights": weights},
    }
    write_json_atomic(target, values)
