"""The clock, the goal, and signals: what a training keeps."""

from __future__ import annotations

import json
import logging
import signal
from pathlib import Path

import numpy as np

from segcli.signals import Request, Stopped
from segcli.steps.train import checkpoint, launch
from segcli.steps.train.outside import Outside, OutsideRequest
from segcli.weights.files import read_weights
from tests.own_process import run_alone
from tests.steps.train.line_run import LineRuns


def test_a_training_stopped_by_signals():
    run_alone(Path(__file__).with_name("alone_stop.py"))


def test_checkpoints_by_the_clock(line_run: LineRuns, tmp_path, monkeypatch):
    """Time that passes at iterations 3 and 7 writes a checkpoint there, without an evaluation."""
    clock = [0.0]
    monkeypatch.setattr("segcli.steps.train.outside.time.monotonic", lambda: clock[0])

    def change(session):
        original = session.losses

        def tick(batch):
            clock[0] += 1000 if int(batch.paths[0].split(".")[0]) in (2, 6) else 1
            return original(batch)

        session.losses = tick

    line_run(tmp_path, keep_checkpoints=9, checkpoint_minutes=10, change=change)
    assert [path.name for path in checkpoint.checkpoints(tmp_path)] == ["iter_3", "iter_4", "iter_7", "iter_8"]
    card = json.loads((tmp_path / "iter_7" / "model_card.json").read_text())
    assert card["score"] == {}
    whole = tmp_path / "whole"
    line_run(whole)
    line_run(tmp_path / "parts", resume_path=str(tmp_path / "iter_3"))
    left, right = (read_weights(folder / "iter_8" / "model.pdparams") for folder in (tmp_path / "parts", whole))
    assert all(np.array_equal(left[key], right[key]) for key in right)


def test_without_a_clock(line_run: LineRuns, tmp_path, monkeypatch):
    monkeypatch.setattr("segcli.steps.train.outside.time.monotonic", iter(range(0, 10**9, 10**6)).__next__)
    line_run(tmp_path, keep_checkpoints=9, checkpoint_minutes=None)
    assert [path.name for path in checkpoint.checkpoints(tmp_path)] == ["iter_4", "iter_8"]


def test_several_processes_look_together(monkeypatch):
    asked = []
    monkeypatch.setattr(
        Outside, "_together", staticmethod(lambda request: asked.append(request) or OutsideRequest(15, False))
    )
    outside = Outside(Request(""), minutes=None, agree_every=10, world_size=2)
    assert [outside.look(iteration) for iteration in (1, 9, 11)] == [OutsideRequest()] * 3
    assert outside.look(20) == OutsideRequest(15)
    assert outside.look(21, agreed=True) == OutsideRequest(15)
    assert len(asked) == 2


def test_at_the_goal_it_says_so(line_run: LineRuns, tmp_path, caplog):
    line_run(tmp_path)
    with caplog.at_level(logging.INFO, "segcli.train"):
        result = line_run(tmp_path, resume_path="last")
    assert f"resumed from {tmp_path / 'iter_8'}: already at the goal of 8 iterations" in caplog.text
    assert result.iterations == 8
    caplog.clear()
    with caplog.at_level(logging.INFO, "segcli.train"):
        line_run(tmp_path, epochs_iters=6, resume_path="last")
    assert "already at iteration 8, beyond the goal of 6" in caplog.text


def test_what_a_stopped_process_tells_arrives(tmp_path):
    stop = Stopped(signal.SIGHUP, "stopped there", hint="go on", details={"stop_reason": "x"})
    told = Stopped(**launch.stopped_values(stop)[launch._STOPPED])
    assert (told.exit_code, told.message, told.hint, told.details) == (
        129,
        "stopped there",
        "go on",
        {"stop_reason": "x"},
    )
