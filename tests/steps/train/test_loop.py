from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from segcli.engine import Evaluation
from segcli.errors import NonFiniteLossError, WeightsError
from segcli.models.card import CARD_FILE, ModelCard
from segcli.steps.train import checkpoint, loop, run_folder
from segcli.steps.train.average import WeightAverage
from segcli.steps.train.checkpoint import CheckpointWriter, network_arrays
from segcli.steps.train.early_stop import EarlyStop
from segcli.steps.train.history import CurveWriter, HistoryWriter, read_history
from segcli.steps.train.loop import run
from segcli.steps.train.precision import FullPrecision
from segcli.steps.train.resume import find_checkpoint, restore
from segcli.steps.train.state import Callback, TrainState
from segcli.weights.checksums import write_checksums
from segcli.weights.files import read_weights, write_pdparams
from tests.steps.train.tiny import LineSession

CARD = ModelCard("line", ("a", "b"))


def train(output, session, *, resume=None, average=False, early_stop=None, stop_at=None):
    state = TrainState(session)
    precision = FullPrecision()
    averaging = WeightAverage(session.network, 0.9) if average else None
    network = averaging.network if averaging else None
    kept = [EarlyStop(early_stop)] if early_stop else []
    if resume:
        folder = find_checkpoint(resume, output)
        restore(
            folder, state, precision=precision, others=kept, average=network, weight_file="model.pdparams", card=CARD
        )
    callbacks = [*([averaging] if averaging else []), *kept, HistoryWriter(output, 2), CurveWriter(output)]
    callbacks.append(CheckpointWriter(output, CARD, "model.pdparams", precision, kept, network, keep=2))
    if stop_at is not None:
        callbacks.append(Kill(stop_at))
    return run(state, precision, callbacks, seed=5, evaluated=network)


class Kill(Callback):
    def __init__(self, iteration):
        self.iteration = iteration

    def on_step(self, state):
        if state.iteration == self.iteration:
            raise KeyboardInterrupt


@pytest.mark.parametrize("average", [False, True])
def test_killed_and_resumed_equals_uninterrupted(tmp_path, average):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    train(whole, LineSession(12, 4), average=average)
    with pytest.raises(KeyboardInterrupt):
        train(parts, LineSession(12, 4), average=average, stop_at=7)
    resumed = train(parts, LineSession(12, 4), average=average, resume="last")
    assert resumed.iteration == 12
    for name in ("model.pdparams", *(["ema.pdparams"] if average else [])):
        ours = read_weights(parts / "iter_12" / name)
        theirs = read_weights(whole / "iter_12" / name)
        assert ours.keys() == theirs.keys()
        for key in ours:
            np.testing.assert_array_equal(ours[key], theirs[key], err_msg=key)
    events = [(event["event"], event["iteration"]) for event in read_history(parts / "history.jsonl")]
    assert events == [(event["event"], event["iteration"]) for event in read_history(whole / "history.jsonl")]


def test_dropout_would_show_a_wrong_seed(tmp_path):
    """The test above can fail: another seed gives other weights."""
    first, second = LineSession(4, 4), LineSession(4, 4)
    run(TrainState(first), FullPrecision(), [], seed=5)
    run(TrainState(second), FullPrecision(), [], seed=6)
    ours, theirs = network_arrays(first.network), network_arrays(second.network)
    assert any(not np.array_equal(ours[name], theirs[name]) for name in ours)


def test_processes_draw_their_own_dropout(monkeypatch):
    monkeypatch.setattr(loop, "share_statistics", lambda *_: None)
    monkeypatch.setattr(loop.Outside, "_together", staticmethod(lambda told: told))

    def trained(rank):
        session = LineSession(3, 3)
        run(TrainState(session), FullPrecision(), [], seed=5, rank=rank, world_size=2)
        return network_arrays(session.network)["3.weight"]

    assert not np.array_equal(trained(0), trained(1))
    assert np.array_equal(trained(1), trained(1))


def test_resume_keeps_the_best_score(tmp_path):
    session = LineSession(4, 4)
    session.scores = [0.9]
    train(tmp_path, session)
    longer = LineSession(8, 4)
    longer.scores = [0.2]
    state = train(tmp_path, longer, resume=str(tmp_path / "iter_4"))
    assert (state.best_score, state.best_iteration) == (0.9, 4)
    card = json.loads((tmp_path / "best_model" / CARD_FILE).read_text())
    assert card["iteration"] == 4
    assert card["score"] == {"fit": 0.9}


def test_checkpoints_are_limited_and_carry_the_card(tmp_path):
    train(tmp_path, LineSession(12, 3))
    assert [path.name for path in checkpoint.checkpoints(tmp_path)] == ["iter_9", "iter_12"]
    assert ModelCard.beside(tmp_path / "iter_12" / "model.pdparams").class_names == ("a", "b")
    assert not list(tmp_path.glob(".*"))
    assert (tmp_path / "curves.png").stat().st_size > 1000


def test_a_kill_between_two_renames_keeps_the_old_best(tmp_path):
    train(tmp_path, LineSession(4, 4))
    (tmp_path / "best_model").rename(tmp_path / ".best_model.outgoing")
    (tmp_path / ".iter_8.abc").mkdir()
    run_folder.recover(tmp_path)
    assert (tmp_path / "best_model" / "model.pdparams").is_file()
    assert not list(tmp_path.glob(".*"))


def test_nan_names_the_images():
    with pytest.raises(NonFiniteLossError, match=r"iteration 3 .*2\.png"):
        run(TrainState(LineSession(8, 4, bad_iteration=2)), FullPrecision(), [])


def test_early_stop_says_why_and_survives_a_resume(tmp_path):
    session = LineSession(20, 2)
    session.scores = [0.5, 0.4]
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, session, early_stop=3, stop_at=5)
    resumed = LineSession(20, 2)
    resumed.scores = [0.3, 0.2]
    state = train(tmp_path, resumed, early_stop=3, resume="last")
    assert state.iteration == 8
    assert "0.5000" in state.stop_reason


def test_resume_from_what_is_no_checkpoint(tmp_path):
    train(tmp_path, LineSession(4, 4))
    with pytest.raises(WeightsError, match=r"model\.pdopt") as fault:
        find_checkpoint(str(tmp_path / "best_model" / "model.pdparams"), tmp_path)
    assert "iter_4" in str(fault.value)


def test_resume_of_another_network_is_refused(tmp_path):
    train(tmp_path, LineSession(4, 4))
    weights = read_weights(tmp_path / "iter_4" / "model.pdparams")
    weights["0.weight"] = weights["0.weight"][:2]
    shutil.copytree(tmp_path / "iter_4", tmp_path / "other")
    write_pdparams(tmp_path / "other" / "model.pdparams", weights)
    write_checksums(tmp_path / "other")
    with pytest.raises(WeightsError, match=r"another network: 0\.weight"):
        train(tmp_path, LineSession(4, 4), resume=str(tmp_path / "other"))


def test_processes_stop_together_when_one_wishes_to(monkeypatch):
    """The other one wishes to at iteration 3 (a signal, a time limit); both ask each other at iteration 10."""
    monkeypatch.setattr(loop, "share_statistics", lambda *_: None)
    asked = []

    def gathered(own):
        asked.append(own)
        return [own, "stopped by a signal" if state.iteration >= 3 else None]

    monkeypatch.setattr(loop, "gathered", gathered)
    state = TrainState(LineSession(40, 20))
    run(state, FullPrecision(), [], world_size=2)
    assert (state.iteration, state.stop_reason) == (10, "stopped by a signal")
    assert asked == [None, None], "at the start and after ten iterations, not at each"


def test_a_process_that_wishes_to_stop_goes_on_until_all_know(monkeypatch):
    monkeypatch.setattr(loop, "share_statistics", lambda *_: None)
    monkeypatch.setattr(loop, "gathered", lambda own: [None, own])

    class Wish(Callback):
        def on_step(self, state):
            if state.iteration == 3:
                state.stop_reason = "out of time"

    state = run(TrainState(LineSession(40, 4)), FullPrecision(), [Wish()], world_size=2)
    assert (state.iteration, state.stop_reason) == (4, "out of time")


def test_the_score_is_the_first_process_s(monkeypatch):
    monkeypatch.setattr(loop, "share_statistics", lambda *_: None)
    monkeypatch.setattr(loop, "gathered", lambda own: [own])
    monkeypatch.setattr(loop, "agreed", lambda own: Evaluation(own.score + 0.001, own.metrics))
    session = LineSession(4, 4)
    session.scores = [0.5]
    state = run(TrainState(session), FullPrecision(), [], rank=1, world_size=2)
    assert state.best_score == 0.501
