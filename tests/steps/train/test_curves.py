"""When the curves of a training are drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from segcli.steps.train.checkpoint import checkpoints
from segcli.steps.train.history import CurveWriter
from segcli.steps.train.state import TrainState
from tests.steps.train.line_run import LineRuns
from tests.steps.train.tiny import LineSession


class Drawing:
    """A clock, and when curves were drawn by it; each drawing takes a second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.times: list[float] = []
        monkeypatch.setattr("segcli.steps.train.history.perf_counter", lambda: self.now)
        monkeypatch.setattr("segcli.report.curves.draw_curves", lambda *_: self._drawn())

    def _drawn(self) -> None:
        self.times.append(self.now)
        self.now += 1


def test_drawing_takes_a_fiftieth_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    drawing, curves, state = Drawing(monkeypatch), CurveWriter(tmp_path), TrainState(LineSession(4, 4))
    for second in range(0, 120, 10):  # an evaluation each 10 s
        drawing.now = second
        curves.on_evaluation(state)
    assert drawing.times == [0, 60]  # 1 s of each 50 s
    curves.on_end(state)
    curves.on_end(state)
    assert drawing.times == [0, 60, 110]


def test_a_checkpoint_shows_all_evaluations_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    drawing, curves, state = Drawing(monkeypatch), CurveWriter(tmp_path), TrainState(LineSession(4, 4))
    curves.on_checkpoint(state)
    assert not drawing.times  # there is nothing to show
    for second in (0, 10):
        drawing.now = second
        curves.on_evaluation(state)
    curves.on_checkpoint(state)
    assert drawing.times == [0, 10]


def test_a_checkpoint_is_written_before_curves_are_drawn(
    line_run: LineRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A signal may leave a few seconds, and curves that cannot be drawn end a training."""
    seen: list[list[str]] = []
    monkeypatch.setattr(
        "segcli.report.curves.draw_curves", lambda *_: seen.append([path.name for path in checkpoints(tmp_path)])
    )
    monkeypatch.setattr("segcli.steps.train.history._DRAWING", float("inf"))
    line_run(tmp_path)
    assert [names[-1] for names in seen] == ["iter_4", "iter_8"]
