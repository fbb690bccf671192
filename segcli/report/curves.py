"""The curves of a training: loss, learning rate and score over the iterations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segcli.report.figures import new_figure, save_png


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
    loss_axes.plot(iterations, [event["loss"] for event in steps], color="tab:blue")
    loss_axes.set_ylabel("loss")
    rate_axes.plot(iterations, [event["lr"] for event in steps], color="tab:gray")
    rate_axes.set_ylabel("learning rate")
    values = [math.nan if event["score"] is None else event["score"] for event in scores]
    score_axes.plot([event["iteration"] for event in scores], values, "o-", color="tab:green")
    score_axes.set_ylabel(score_name)
    score_axes.set_ylim(0, 1)
    score_axes.set_xlabel("iteration")
    for axes in (loss_axes, rate_axes, score_axes):
        axes.grid(visible=True, alpha=0.3)
    save_png(figure, target)
