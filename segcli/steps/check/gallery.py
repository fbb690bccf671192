"""The HTML page and the JSON file of likely label errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.data.files import write_json_atomic
from segcli.plurals import listed
from segcli.report.pages import jpeg_uri, write_page
from segcli.steps.check.label_quality.ranked import RankedImage
from segcli.steps.check.report_files import FOLDER

SHOWN = 24
"""Number of images on the page."""
_NAMED = 3
_DOUBTFUL = 0.9995
"""Scores from here are shown as 1: nothing speaks against the label."""


@dataclass(frozen=True)
class LabelQuality:
    """The result of `check --with-model`.

    Attributes:
        model: Folder of the model.
        images: Number of ranked images.
        file: Path of the JSON file with all scores, relative to the output folder.
        page: Path of the page with the worst images, relative to the output folder.
        worst: Name and score of the images with the lowest scores, as far as the model doubts their labels.
        output: The output folder.
    """

    model: str
    images: int
    file: str
    page: str
    worst: tuple[tuple[str, float], ...]
    output: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        worst = [{"image": name, "score": score} for name, score in self.worst]
        return {"model": self.model, "images": self.images, "file": self.file, "page": self.page, "worst": worst}

    def row(self) -> tuple[str, str]:
        """A row for the terminal."""
        if not self.worst:
            return "label quality", f"the model doubts no label; the scores: {Path(self.output) / self.file}"
        named = listed(self.worst[:_NAMED], name=lambda one: f"{one[0]} ({one[1]:.2f})")
        return "label quality", f"the most doubtful labels: {named}; look at {Path(self.output) / self.page}"


def write_gallery(ranked: Sequence[RankedImage], model: Path, output: Path) -> LabelQuality:
    """Writes `check_dataset/label_quality.json` and `label_quality.html`."""
    entries = [
        {"image": one.name, "split": one.split.value, "score": round(one.score, 4), "why": one.why} for one in ranked
    ]
    doubtful = [one for one in ranked[:SHOWN] if one.score < _DOUBTFUL]
    done = LabelQuality(
        str(model),
        len(ranked),
        f"{FOLDER}/label_quality.json",
        f"{FOLDER}/label_quality.html",
        tuple((one.name, round(one.score, 4)) for one in doubtful),
        str(output),
    )
    write_json_atomic(output / done.file, {"model": str(model), "images": entries})
    images = [(number, one, jpeg_uri(one.draw(), 720)) for number, one in enumerate(doubtful, start=1)]
    write_page("label_quality.html", output / done.page, model=str(model), count=len(ranked), images=images)
    return done
