"""The reliability curve: how often predictions are right over how sure the network is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from segcli.report.figures import new_figure, save_png

RELIABILITY_FILE = "reliability.png"


def draw_reliability(curve: Mapping[str, Sequence[float | None]], ece: float | None, target: Path) -> None:
    """Draws accuracy over confidence with the diagonal, and below how many predictions there are.

    Args:
        curve: `confidence`, `accuracy` and `predictions` of each bin; None in empty bins.
        ece: Expected calibration error, for the title.
        target: Where the image goes.
    """
    bins = len(curve["predictions"])
    figure = new_figure(6, 6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    middles, width = [(place + 0.5) / bins for place in range(bins)], 0.9 / bins
    above.plot([0, 1], [0, 1], "--", color="tab:gray", label="as sure as right")
    heights = [accuracy or 0.0 for accuracy in curve["accuracy"]]
    above.bar(middles, heights, width, color="tab:blue", alpha=0.35)
    known = [(c, a) for c, a in zip(curve["confidence"], curve["accuracy"], strict=True) if c is not None]
    above.plot([c for c, _ in known], [a for _, a in known], "o-", color="tab:blue", markersize=5, label="measured")
    above.set(ylabel="share that is right", xlim=(0, 1), ylim=(0, 1.02), aspect="auto")
    above.set_title("no prediction" if ece is None else f"ECE {ece:.4f}")
    above.legend(loc="upper left")
    total = sum(count or 0.0 for count in curve["predictions"]) or 1.0
    shares = [100 * (count or 0.0) / total for count in curve["predictions"]]
    below.bar(middles, shares, width, color="tab:gray")
    below.set(ylabel="predictions, %", xlabel="confidence")
    for axes in (above, below):
        axes.grid(visible=True, alpha=0.3)
    save_png(figure, target)
