"""The rows that every benchmark returns, and how they are printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        name: What was measured.
        measured: Our value with its unit.
        reference: The value it is compared with, a floor or another tool's, with its unit.
        ratio: How many times better ours is; above 1 is better.
        bar: The least ratio that is good enough.
    """

    name: str
    measured: str
    reference: str
    ratio: float
    bar: float

    @property
    def passes(self) -> bool:
        """Whether the bar is met."""
        return self.ratio >= self.bar


def as_text(rows: Iterable[Row]) -> str:
    """The rows as a table in plain text."""
    header = ("", "measured", "floor or peer", "ratio", "bar", "")
    return aligned(
        (
            header,
            *(
                (row.name, row.measured, row.reference, f"{row.ratio:.2f}", f"{row.bar:.2f}", _verdict(row))
                for row in rows
            ),
        )
    )


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells below each other."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _verdict(row: Row) -> str:
    return "ok" if row.passes else "MISSED"
