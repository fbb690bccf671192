"""What follows from the prompts of each image: the table of prompts, and intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from segcli.metrics.bootstrap import resampled_sums, unit_of_images
from segcli.metrics.intervals import Intervals, Replicates
from segcli.metrics.promptable_measure import ClickReport
from segcli.metrics.promptable_scores import BOX, means_of


def click_intervals(report: ClickReport, replicates: int, groups: Sequence[str | None] | None = None) -> Intervals:
    """How far each number of clicks would move with other images of the same kind; see `click_replicates`."""
    return click_replicates(report, replicates, groups).intervals()


def click_replicates(report: ClickReport, replicates: int, groups: Sequence[str | None] | None = None) -> Replicates:
    """What each number of clicks would be with other images of the same kind.

    Args:
        report: The measurement.
        replicates: Bootstrap replicates; 0 computes nothing.
        groups: Group of each image of `by_image`, drawn as a whole; None draws single images.
    """
    if not replicates or not report.by_image:
        return Replicates()
    units = unit_of_images(groups, len(report.by_image))
    found = Replicates(int(units.max()) + 1, "image" if groups is None else "group")
    rows = np.stack([counts.as_row() for counts in report.by_image.values()])
    values = means_of(resampled_sums(rows, lambda sums: sums, replicates, units))
    found.all.update({name: values[name] for name in report.totals()})
    return found


def prompt_table(report: ClickReport, names: Sequence[str]) -> list[dict[str, Any]]:
    """A row per object with a prompt: its image, its number in it (from 0), and the IoU of each kind of prompt."""
    table = []
    for place, counts in report.by_image.items():
        scored = {f"IoU {kind}": values for kind, values in counts.ious.items() if values}
        table += [
            {"image": names[place], "object": number, **{name: values[number] for name, values in scored.items()}}
            for number in range(len(counts.ious[BOX]))
        ]
    return table
