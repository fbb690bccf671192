"""Curves of objects: precision over recall, and F1 over the score, of each class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segcli.report.figures import font_families, new_figure, save_png

CURVES_PNG = "curves.png"
_MOST_NAMED = 10
"""Classes with a colour and a name, those with the most objects; the others are thin grey lines."""


def draw_score_curves(classes: Mapping[str, Mapping[str, Any]], objects: Mapping[str, int], target: Path) -> None:
    """Draws two panels side by side as PNG; a dot marks the threshold of the best F1.

    Args:
        classes: By class name `threshold`, `F1`, `precision`, `recall` of the best threshold, None without one, and
            `curve` with `score`, `precision`, `recall` and `F1` by falling score.
        objects: Number of objects by class name.
        target: Where the image goes.
    """
    named = sorted(classes, key=lambda name: -objects[name])[:_MOST_NAMED]
    figure = new_figure(10, 4.6)
    left, right = figure.subplots(1, 2)
    for name in (*(name for name in classes if name not in named), *named):
        one, is_named = classes[name], name in named
        curve = one["curve"]
        style = {"color": f"C{named.index(name)}", "label": name} if is_named else {"color": "0.8", "linewidth": 0.8}
        left.plot(curve["recall"], curve["precision"], drawstyle="steps-pre", **style)
        right.plot(curve["score"], curve["F1"], **style)
        if is_named and one["threshold"] is not None:
            left.plot([one["recall"]], [one["precision"]], "o", color=style["color"], markersize=5)
            right.plot([one["threshold"]], [one["F1"]], "o", color=style["color"], markersize=5)
    left.set(xlabel="recall", ylabel="precision", title="IoU 0.5")
    right.set(xlabel="score of at least", ylabel="F1", title="dots: best F1")
    for axes in (left, right):
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
        axes.grid(visible=True, alpha=0.3)
    if named:
        figure.legend(
            *left.get_legend_handles_labels(),
            loc="outside lower center",
            ncols=min(len(named), 5),
            prop={"family": font_families("".join(named)), "size": 9},
        )
    save_png(figure, target)
