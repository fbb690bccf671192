"""The report page of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.metrics.comparison import Difference
from segcli.report.mistakes import OBJECT_KEY, PIXEL_KEY
from segcli.report.pages import jpeg_uri, write_page
from segcli.steps.compare.result import CompareResult
from segcli.steps.evaluate.drawings import ImagePanels
from segcli.steps.evaluate.page import colour_key
from segcli.steps.evaluate.protocol import protocol_rows


@dataclass(frozen=True)
class ChangedImage:
    """An image whose score differs.

    Attributes:
        name: Its name.
        score: Name of the score.
        before: Its score for the first contender.
        after: Its score for the other contender.
        first: Drawings of the first contender.
        other: Drawings of the other contender.
    """

    name: str
    score: str
    before: float | None
    after: float | None
    first: ImagePanels
    other: ImagePanels

    def as_dict(self) -> dict[str, Any]:
        """The values that the page shows."""
        scores = {"name": self.name, "score": self.score, "first": self.before, "other": self.after}
        return {**scores, "drawings": self.drawings()}

    def drawings(self) -> list[tuple[str, str]]:
        """Captions and images side by side."""
        found = [("truth", self.first.truth), ("first", self.first.prediction), ("other", self.other.prediction)]
        mistakes = (("mistakes of the first", self.first.mistakes), ("mistakes of the other", self.other.mistakes))
        found += [(caption, rgb) for caption, rgb in mistakes if rgb is not None]
        return [(caption, jpeg_uri(rgb)) for caption, rgb in found]


def write_compare_page(result: CompareResult, changed: Sequence[Sequence[ChangedImage]], target: Path) -> None:
    """Writes the page: verdicts, differences, and the images that changed most with the overlays of both.

    Args:
        result: The comparison.
        changed: Images to show, per contender after the first.
        target: Path of the page.
    """
    others = [
        {
            "name": other.name,
            "main": other.numbers[result.score],
            "numbers": _rows(other.numbers),
            "classes": [
                (f"{name} {key}", one.as_dict())
                for name, numbers in other.by_class.items()
                for key, one in numbers.items()
            ],
            "images": [one.as_dict() for one in images],
        }
        for other, images in zip(result.others, changed, strict=True)
    ]
    write_page(
        "compare_report.html",
        target,
        first=result.first,
        others=others,
        data=result.dataset,
        images=result.images,
        replicates=result.replicates,
        units=result.units,
        unit=result.unit,
        notes=result.notes,
        key=colour_key(PIXEL_KEY if result.score == "mIoU" else OBJECT_KEY),
        score=result.score,
        protocol=protocol_rows(result.as_dict()["protocol"]),
        ranking=sorted(result.ranking.items(), key=lambda entry: -entry[1]),
        runs=[(one["run"], one["value"]) for values in result.runs.values() for one in values["runs"]],
    )


def _rows(numbers: Mapping[str, Difference]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, one.as_dict()) for name, one in numbers.items()]
