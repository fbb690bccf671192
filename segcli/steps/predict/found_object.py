"""An object of a result, for the writers of all tasks."""

from __future__ import annotations

from dataclasses import dataclass

from segcli.data.traced_mask import TracedMask


@dataclass(frozen=True)
class FoundObject:
    """One object, or one connected region of a class.

    Attributes:
        label: Class name.
        class_id: Index of the class among those of objects, without the background.
        score: Score of the model, 0 to 1; None where it gives none.
        mask: Its pixels.
    """

    label: str
    class_id: int
    score: float | None
    mask: TracedMask
