"""An object of a result, whatever the task, as the writers take it."""

from __future__ import annotations

from dataclasses import dataclass

from segcli.data.traced_mask import TracedMask


@dataclass(frozen=True)
class FoundObject:
    """One object, or one connected region of a class.

    Attributes:
        label: Name of its class.
        class_id: Id of it.
        score: Of the model; None where it gives none.
        mask: Its pixels.
    """

    label: str
    class_id: int
    score: float | None
    mask: TracedMask
