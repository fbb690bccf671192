"""A confusion matrix as an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.classes import ClassMap
from segcli.report.figures import font_families, new_figure, save_png

_MOST_WITH_NUMBERS = 25
"""Classes up to which the cells hold numbers; more would not be legible."""
_LONGEST_NAME = 24
_MOST_WITHOUT_IDS = 12
"""Classes up to which a name finds its row without an id."""


def draw_confusion(matrix: NDArray[np.int64], classes: ClassMap, target: Path, counted: str = "pixels") -> None:
    """Draws what each true class was predicted as, in percent of its pixels or objects, as PNG.

    Args:
        matrix: int64 [truth, prediction].
        classes: The classes.
        target: Where the image goes.
        counted: What the numbers of the matrix count.
    """
    count = len(classes)
    side = float(np.clip(2.5 + (0.55 if count <= _MOST_WITH_NUMBERS else 0.3) * count, 4.5, 30))
    figure = new_figure(side + 1, side)
    axes = figure.subplots()
    percent = _row_percent(matrix)
    # a row of NaN stays white
    image = axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    figure.colorbar(image, ax=axes, label=f"% of the true {counted}", shrink=0.8)
    names = tick_names(list(classes))
    font = {"family": font_families("".join(names)), "parse_math": False}
    angle, aligned = (90, "center") if count > _MOST_WITH_NUMBERS else (45, "top")
    axes.set_xticks(range(count), names, rotation=angle, ha="right", va=aligned, rotation_mode="anchor", **font)
    axes.set_yticks(range(count), names, **font)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if count <= _MOST_WITH_NUMBERS:
        _write_numbers(axes, percent)
    save_png(figure, target)


def tick_names(names: list[str]) -> list[str]:
    """Names that fit the axes and differ: long ones are cut in the middle; of many classes each has its id before it.

    >>> tick_names(["road", "a very long name of a class number 1", "a very long name of a class number 2"])
    ['0 road', '1 a very long…ass number 1', '2 a very long…ass number 2']
    """
    short = [_cut(name) for name in names]
    with_ids = len(names) > _MOST_WITHOUT_IDS or short != names
    return [f"{number} {name}" for number, name in enumerate(short)] if with_ids else short


def _cut(name: str) -> str:
    if len(name) <= _LONGEST_NAME:
        return name
    kept = _LONGEST_NAME - 1
    return f"{name[: kept // 2].rstrip()}…{name[-(kept - kept // 2) :].lstrip()}"


def _row_percent(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Percent of each row; NaN in the row of a class that never occurs."""
    total = matrix.sum(axis=1, keepdims=True)
    percent = np.full(matrix.shape, np.nan)
    np.divide(100.0 * matrix, total, out=percent, where=total > 0)
    return percent


def _write_numbers(axes: Any, percent: NDArray[np.float64]) -> None:
    for (row, column), value in np.ndenumerate(percent):
        if np.isnan(value):
            text = "–" if row == column else ""
        else:
            text = "0" if value == 0 else "<0.1" if value < 0.05 else f"{value:.1f}"
        colour = "white" if value > 60 else "#333333" if value else "#bbbbbb"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
