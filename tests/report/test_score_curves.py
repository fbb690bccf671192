"""The curves of objects are drawn for any number of classes, also without a correct detection."""

from __future__ import annotations

import cv2
import pytest

from segcli.report.score_curves import draw_score_curves

GOOD = {
    "threshold": 0.6,
    "F1": 0.8,
    "precision": 0.9,
    "recall": 0.7,
    "curve": {"score": [0.9, 0.6, 0.2], "precision": [1.0, 0.9, 0.5], "recall": [0.3, 0.7, 0.8], "F1": [0.4, 0.8, 0.6]},
}
NONE = {
    **dict.fromkeys(("threshold", "F1", "precision", "recall")),
    "curve": {"score": [], "precision": [], "recall": [], "F1": []},
}


@pytest.mark.parametrize("classes", [{}, {"cat": GOOD, "猫": NONE}, {f"class {n}": GOOD for n in range(40)}])
def test_curves_are_drawn(tmp_path, classes):
    draw_score_curves(classes, {name: place for place, name in enumerate(classes)}, tmp_path / "curves.png")
    image = cv2.imread(str(tmp_path / "curves.png"))
    coloured = (image.max(axis=2).astype(int) - image.min(axis=2) > 60).sum()
    assert (coloured > 300) == bool(classes)
