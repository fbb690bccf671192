"""The datasets that are learnt from, and what each training must reach."""

from __future__ import annotations

from dataclasses import dataclass

CPU_SECONDS = 600.0
"""What a training may take."""


@dataclass(frozen=True)
class Task:
    """One dataset and its bar.

    Attributes:
        name: Of the rows.
        folder: Of the data, below `shared/data`.
        convert: Task to which LabelMe data are converted first; None where they need no conversion.
        objects: Whether objects are found, else pixels are labelled.
        bar: Least score; None where it is that of the reference.
    """

    name: str
    folder: str
    convert: str | None
    objects: bool
    bar: float | None

    @property
    def score_name(self) -> str:
        """Name of the score."""
        return "mask AP" if self.objects else "mIoU"


TASKS = (
    Task("SEG", "SEG", None, objects=False, bar=0.52),
    Task("LABELME_SEG", "LABELME_SEG", "semantic", objects=False, bar=0.95),
    Task("INST_nuclei", "INST_nuclei", None, objects=True, bar=0.38),
    Task("LABELME_SEG-objects", "LABELME_SEG", "instance", objects=True, bar=0.80),
    Task("INST", "INST", None, objects=True, bar=None),
    Task("LABELME_INST", "LABELME_INST", "instance", objects=True, bar=None),
)
