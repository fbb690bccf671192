"""What quantization needs to know of a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class QuantizeParts:
    """What quantization needs to know of a task.

    Attributes:
        score: Key of the score in the metrics of `evaluate`.
        validation: Reads the images of the validation split of a dataset, given the number of classes.
        operators: Operators to quantize; None for all that can be.
    """

    score: str
    validation: Callable[[Path, int | None], list[Path]]
    operators: Sequence[str] | None = None
