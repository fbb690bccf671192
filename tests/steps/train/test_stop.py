"""Signals and the clock: what a stopped training keeps, and that it goes on as if nothing had been."""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from segcli import app
from segcli.signals import Request, Stopped
from segcli.steps.train import checkpoint, launch
from segcli.steps.train.history import read_history
from segcli.steps.train.outside import Outside, Told
from segcli.steps.train.stop_request import asked_to_stop, signals_passed_on
from segcli.weights.files import read_weights
from tests.steps.train.line_run import LineRuns

# In a process that has imported Paddle elsewhere, Paddle's own handler may end the worker of the test run.
pytestmark = pytest.mark.slow


TIMES = ("images_per_second", "eta_seconds", "data_share")


def signal_in(method: str, call: int, number: int = signal.SIGTERM, times: int = 1):
    """Changes a session: its `call`-th call of a method brings a signal."""

    def change(session) -> None:
        original, calls = getattr(session, method), []

        def with_signal(*args):
            calls.append(1)
            if len(calls) == call:
                for _ in range(times):
                    os.kill(os.getpid(), number)
            return original(*args)

        setattr(session, method, with_signal)

    return change


def same_end(ours: Path, theirs: Path) -> None:
    for name in ("iter_8/model.pdparams", "best_model/model.pdparams"):
        left, right = read_weights(ours / name), read_weights(theirs / name)
        assert all(np.array_equal(left[key], right[key]) for key in right), name
    events = [
        [
            {key: value for key, value in event.items() if key not in TIMES}
            for event in read_history(folder / "history.jsonl")
        ]
        for folder in (ours, theirs)
    ]
    assert events[0] == events[1]


@pytest.mark.parametrize(
    "case",
    [
        ("losses", 1, "iter_1"),
        ("losses", 6, "iter_6"),
        ("losses", 4, "iter_4"),
        ("evaluate", 1, "iter_4"),
        ("losses", 8, "iter_8"),
    ],
)
def test_a_stopped_training_goes_on_as_if_nothing_had_been(line_run: LineRuns, tmp_path, caplog, case):
    method, call, kept = case
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    line_run(whole)
    with pytest.raises(Stopped) as stop:
        line_run(parts, change=signal_in(method, call))
    assert stop.value.exit_code == 143
    assert stop.value.message == f"stopped by SIGTERM at iteration {kept[5:]}; {parts / kept} is kept"
    assert f"segcli train --resume --output {parts}" in stop.value.hint
    assert stop.value.details["models"]["last_1"]["pdparams"] == str(parts / kept / "model.pdparams")
    assert checkpoint.checkpoints(parts)[-1].name == kept
    with caplog.at_level(logging.INFO, "segcli.train"):
        line_run(parts, resume_path="last")
    assert f"resumed from {parts / kept}" in caplog.text
    same_end(parts, whole)


def test_a_second_signal_stops_at_once_and_promises_only_what_is_there(line_run: LineRuns, tmp_path):
    with pytest.raises(Stopped) as stop:
        line_run(tmp_path, change=signal_in("losses", 3, times=2))
    assert stop.value.message == "stopped by SIGTERM at iteration 2; no checkpoint had been written yet"
    assert stop.value.hint is None
    with pytest.raises(Stopped) as later:
        line_run(tmp_path, change=signal_in("losses", 6, number=signal.SIGINT, times=2))
    assert later.value.message == f"stopped by Ctrl-C at iteration 5; {tmp_path / 'iter_4'} is kept"


def test_a_signal_before_the_first_iteration_leaves_the_earlier_run(line_run: LineRuns, tmp_path):
    line_run(tmp_path)

    def change(session):
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as stop:
        line_run(tmp_path, change=change)
    assert str(stop.value) == "stopped by Ctrl-C before the first iteration"
    assert (tmp_path / "iter_8").is_dir() and not (tmp_path / "run_1").exists()


def test_the_result_file_of_a_stopped_training(line_run: LineRuns, tmp_path, monkeypatch, capsys):
    def stopped(config):
        return line_run(tmp_path, change=signal_in("losses", 5, signal.SIGHUP))

    monkeypatch.setattr(app, "MODES", {"train": "segcli.steps.train.command:train"})
    monkeypatch.setattr("segcli.lazy.load_object", lambda address: stopped)
    values = {"Global.model": ("--model", "PP-LiteSeg-T"), "Global.dataset_dir": ("--dataset", "data")}
    assert app.start(None, ["Global.mode=train", f"Global.output={tmp_path}"], values) == 129
    result = json.loads((tmp_path / "train_result.json").read_text())
    assert result["done_flag"] is False
    assert result["stop_reason"] == "stopped by SIGHUP at iteration 5"
    assert result["iterations"] == 5
    assert Path(result["models"]["last_1"]["pdopt"]).is_file()
    assert "goes on from there" in " ".join((capsys.readouterr().err).split())


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
    monkeypatch.setattr(Outside, "_together", staticmethod(lambda told: asked.append(told) or Told(15, False)))
    outside = Outside(Request(""), minutes=None, agree_every=10, world_size=2)
    assert [outside.look(iteration) for iteration in (1, 9, 11)] == [Told()] * 3
    assert outside.look(20) == Told(15)
    assert outside.look(21, agreed=True) == Told(15)
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


def test_a_signal_is_passed_on_to_the_processes_that_train(tmp_path):
    assert asked_to_stop(tmp_path) is None
    with signals_passed_on(tmp_path):
        os.kill(os.getpid(), signal.SIGTERM)
        deadline = time.monotonic() + 20
        while asked_to_stop(tmp_path) is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert asked_to_stop(tmp_path) == signal.SIGTERM
        with pytest.raises(Stopped):
            os.kill(os.getpid(), signal.SIGINT)
    assert asked_to_stop(tmp_path) is None


def test_what_a_stopped_process_tells_arrives(tmp_path):
    stop = Stopped(signal.SIGHUP, "stopped there", hint="go on", details={"stop_reason": "x"})
    told = Stopped(**launch.stopped_values(stop)[launch._STOPPED])
    assert (told.exit_code, told.message, told.hint, told.details) == (
        129,
        "stopped there",
        "go on",
        {"stop_reason": "x"},
    )
