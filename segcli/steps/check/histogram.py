"""The histogram of the classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segcli.data.samples import Split
from segcli.report.figures import font_families, new_figure, save_png
from segcli.steps.check.result import ClassCount

COLOURS = {Split.TRAIN: "#2a6fbb", Split.VAL: "#f0a030"}
_ROW_IN = 0.44
_MANY_ROWS_IN = 0.26
_MANY = 40
_LONGEST_NAME = 28
MOST_ROWS = 100
"""Most classes in the histogram, the most frequent ones; the result file has all."""


def draw_histogram(counts: Sequence[ClassCount], samples: dict[Split, int], target: Path) -> None:
    """Draws two panels with a bar per class and split: share of the pixels or number of objects, and images.

    Args:
        counts: Counts of the classes.
        samples: Number of images per split.
        target: Path of the PNG file.
    """
    every = len(counts)
    counts = most_frequent(counts)
    row = _ROW_IN if len(counts) <= _MANY else _MANY_ROWS_IN
    figure = new_figure(11, 1.6 + row * max(len(counts), 3))
    left, right = figure.subplots(1, 2, sharey=True)
    amounts, form, axis = _amounts(counts)
    images = {split: [count.images[split] for count in counts] for split in Split}
    _draw_bars(left, amounts, [f"{split.value}" for split in Split], form)
    _draw_bars(right, images, [f"{split.value} ({samples[split]} images)" for split in Split], "{:d}")
    left.set_xlabel(axis)
    right.set_xlabel("images that show the class")
    if len(counts) < every:
        left.set_title(f"the {len(counts)} most frequent of {every} classes", loc="left", fontsize=9)
    names = [_shortened(count.name) for count in counts]
    left.set_yticks(range(len(counts)), names, family=font_families("".join(names)), parse_math=False)
    left.set_ylim(max(len(counts), 1) - 0.5, -0.5)
    figure.legend(*right.get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    save_png(figure, target)


def most_frequent(counts: Sequence[ClassCount]) -> list[ClassCount]:
    """The `MOST_ROWS` most frequent classes, in the order of their ids."""
    if len(counts) <= MOST_ROWS:
        return list(counts)
    frequent = sorted(counts, key=lambda count: sum(count.amounts.values()), reverse=True)[:MOST_ROWS]
    return sorted(frequent, key=lambda count: count.class_id)


def _amounts(counts: Sequence[ClassCount]) -> tuple[dict[Split, list[float]], str, str]:
    """Bar lengths, number format and axis label: shares in % for pixels, counts for objects."""
    if any(count.unit != "pixels" for count in counts):
        return {split: [count.amounts[split] for count in counts] for split in Split}, "{:d}", "objects of the class"
    totals = {split: max(1, sum(count.amounts[split] for count in counts)) for split in Split}
    shares = {split: [100 * count.amounts[split] / totals[split] for count in counts] for split in Split}
    return shares, "{:.1f}", "pixels of the class, % of all labelled pixels"


def _draw_bars(axes: Any, values: Mapping[Split, Sequence[float]], labels: Sequence[str], form: str) -> None:
    thickness = 0.38
    for split, label, shift in zip(Split, labels, (-thickness / 2, thickness / 2), strict=True):
        rows = [index + shift for index in range(len(values[split]))]
        bars = axes.barh(rows, values[split], thickness, color=COLOURS[split], label=label)
        texts = [_number(value, form) for value in values[split]]
        axes.bar_label(bars, texts, padding=3, fontsize=8, color="#444444")
    axes.margins(x=0.14)
    axes.set_xlim(left=0)
    axes.grid(visible=True, axis="x", alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _number(value: float, form: str) -> str:
    if value == 0:
        return "0"
    return "<0.1" if value < 0.05 else form.format(value)


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
