"""The result of `suggest`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segcli.plurals import counted
from segcli.steps.predict.result import Unreadable
from segcli.steps.suggest.ranking import ENOUGH


@dataclass(frozen=True)
class Suggestion:
    """One image of the ranking.

    Attributes:
        input_path: The file or URL; None for an array.
        page_index: Page or frame; None for a single image.
        entropy: Mean normalised entropy of the predictions, 0 to 1.
        disagreement: Disagreement with the predictions on the mirrored image, 0 to 1.
        held: Fraction of the total uncertainty covered by this image and those before it, 0 to 1.
        proposal: LabelMe file with what the model proposes; None where none was written.
    """

    input_path: str | None
    page_index: int | None
    entropy: float
    disagreement: float
    held: float
    proposal: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON and CSV."""
        return {
            "input_path": self.input_path,
            "page_index": self.page_index,
            "entropy": round(self.entropy, 6),
            "disagreement": round(self.disagreement, 6),
            "held": round(self.held, 6),
            "proposal": None if self.proposal is None else str(self.proposal),
        }


@dataclass(frozen=True)
class SuggestResult:
    """The result of `suggest`.

    Attributes:
        model_name: The model.
        model_dir: Folder of the exported model.
        folder: Folder of the proposals.
        ranked: All unlabelled images, the one to label first at the beginning.
        enough: Recommended number of images to label.
        labelled: Number of labelled images, which count as known.
        is_sure: Whether the model is as certain on the unlabelled images as on the labelled ones.
        failed: Inputs that cannot be read, or that the model fails on.
        kept: Names that already existed in the folder; nothing was written for them.
    """

    model_name: str
    model_dir: str
    folder: Path
    ranked: Sequence[Suggestion]
    enough: int
    labelled: int
    is_sure: bool = False
    failed: Sequence[Unreadable] = field(default_factory=tuple)
    kept: Sequence[str] = field(default_factory=tuple)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "model_name": self.model_name,
            "model_dir": self.model_dir,
            "folder": str(self.folder),
            "enough": self.enough,
            "enough_holds": ENOUGH,
            "labelled": self.labelled,
            "is_sure": self.is_sure,
            "ranked": [one.as_dict() for one in self.ranked],
            "failed": [{"input_path": one.input_path, "message": one.message} for one in self.failed],
            "kept": list(self.kept),
        }

    @property
    def advice(self) -> str:
        """Advice on how many images to label."""
        if not self.ranked:
            return "every image has labels"
        if self.is_sure:
            return "the model is as sure of these images as of those with labels: more labels teach it little"
        return (
            f"label the first {self.enough} of {len(self.ranked)}: with the images like them they hold "
            f"{ENOUGH:.0%} of what the model does not know"
        )

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        written = sum(one.proposal is not None for one in self.ranked)
        rows = [
            ("model", self.model_name),
            ("known", f"{counted(self.labelled, 'image')} with labels"),
            ("advice", self.advice),
            *((f"{place}.", _line(one)) for place, one in enumerate(self.ranked[:5], start=1)),
            ("proposals", f"{counted(written, 'LabelMe file')} in {self.folder}"),
        ]
        if self.kept:
            rows.append(("kept", f"{counted(len(self.kept), 'image')} whose names are in {self.folder} already"))
        if self.failed:
            rows.append(("failed", f"{counted(len(self.failed), 'input')}, the first: {self.failed[0].message}"))
        if written:
            rows.append(("next", f"correct them in LabelMe (labelme {self.folder}), then segcli convert {self.folder}"))
        return rows


def _line(one: Suggestion) -> str:
    page = "" if one.page_index is None else f", page {one.page_index}"
    return f"{one.input_path}{page} (entropy {one.entropy:.2f}, disagreement {one.disagreement:.2f})"
