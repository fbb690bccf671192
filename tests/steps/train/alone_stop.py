"""What a training that is stopped by a signal keeps, and that it goes on as if nothing had been.

Run by `test_stop.py` in a process of its own.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from paddle.autograd import PyLayer

from segcli import app
from segcli.signals import Stopped, listening
from segcli.steps.train import checkpoint, measuring
from segcli.steps.train.history import read_history
from segcli.steps.train.stop_request import asked_to_stop, signals_passed_on
from segcli.weights.files import read_weights
from tests.steps.train.line_run import LineRuns
from tests.steps.train.tiny import LineSession

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
    values = {"Global.model": ("--model", "PP-LiteSeg-T"), "Global.dataset_dir": ("--dataset", str(tmp_path))}
    assert app.start(None, ["Global.mode=train", f"Global.output={tmp_path}"], values) == 129
    result = json.loads((tmp_path / "train_result.json").read_text())
    assert result["done_flag"] is False
    assert result["stop_reason"] == "stopped by SIGHUP at iteration 5"
    assert result["iterations"] == 5
    assert (tmp_path / result["models"]["last_1"]["pdopt"]).is_file()
    assert "goes on from there" in " ".join((capsys.readouterr().err).split())


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


def test_a_signal_in_the_backward_pass_of_a_trial_step_is_a_stop():
    class Signal(PyLayer):
        @staticmethod
        def forward(_ctx, x):
            return x * 1

        @staticmethod
        def backward(_ctx, gradient):
            os.kill(os.getpid(), signal.SIGTERM)
            return gradient

    session = LineSession(4, 4)
    losses = session.losses
    session.losses = lambda batch: {"loss": Signal.apply(losses(batch)["loss"])}
    with listening(), pytest.raises(Stopped, match="stopped by SIGTERM"):
        measuring._seconds(session, next(session.batches(0)), time.process_time, 1)
