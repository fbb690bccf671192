"""The curves of a training: loss, learning rate and score over the iterations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segcli.report.figures import new_figure, save_png

_FEW = 60
"""Points up to which each is marked: a line of one point would not be seen."""


def draw_curves(history: Sequence[Mapping[str, Any]], target: Path, score_name: str) -> None:
    """Draws three panels below each other as PNG.

    Args:
        history: Events as in `history.jsonl`.
        target: Where the image goes.
        score_name: Name of the score for its axis.
    """
    steps = [event for event in history if event["event"] == "train"]
    scores = [event for event in history if event["event"] == "evaluate"]
    figure = new_figure(8, 7)
    loss_axes, rate_axes, score_axes = figure.subplots(3, 1, sharex=True, height_ratios=(3, 1, 2))
    iterations = [event["iteration"] for event in steps]
    points = "o-" if len(steps) <= _FEW else "-"
    loss_axes.plot(iterations, [event["loss"] for event in steps], points, color="tab:blue", markersize=4)
    loss_axes.set_ylabel("loss")
    rate_axes.plot(iterations, [event["lr"] for event in steps], points, color="tab:gray", markersize=4)
    rate_axes.set_ylabel("learning rate")
    values = [math.nan if event["score"] is None else event["score"] for event in scores]
    score_axes.plot([event["iteration"] for event in scores], values, "o-", color="tab:green", markersize=4)
    score_axes.set_ylabel(score_name)
    score_axes.set_ylim(0, 1)
    score_axes.set_xlabel("iteration")
    for axes in (loss_axes, rate_axes, score_axes):
        axes.grid(visible=True, alpha=0.3)
    score_axes.xaxis.get_major_locator().set_params(integer=True)
    save_png(figure, target)
