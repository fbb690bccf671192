"""Losses that stay on the device: read seldom, and yet a loss that is no number is found with its iteration."""

from __future__ import annotations

import math
import time

import numpy as np
import paddle
import pytest

from segcli.errors import NonFiniteLossError, TrainingError
from segcli.steps.train import measuring
from segcli.steps.train.history import HistoryWriter, read_history
from segcli.steps.train.loop import run
from segcli.steps.train.losses import FiniteWatch, StepLosses
from segcli.steps.train.precision import FullPrecision
from segcli.steps.train.state import TrainState
from tests.steps.train.tiny import LineSession


class Counted:
    """A scalar of a device that counts how often it is waited for."""

    reads = 0

    def __init__(self, tensor: paddle.Tensor) -> None:
        self._tensor = tensor

    def numpy(self) -> np.ndarray:
        Counted.reads += 1
        return self._tensor.numpy()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch):
    Counted.reads = 0
    stack = paddle.stack
    monkeypatch.setattr(paddle, "stack", lambda values: Counted(stack(values)))
    return Counted


def test_all_losses_of_an_iteration_are_read_at_once_and_only_when_asked_for(reads):
    losses = StepLosses({"loss": paddle.to_tensor(3.0), "loss_0": paddle.to_tensor([1.5])})
    assert list(losses) == ["loss", "loss_0"] and reads.reads == 0
    assert dict(losses) == {"loss": 3.0, "loss_0": 1.5}
    assert losses["loss"] == 3.0
    assert reads.reads == 1


def test_nothing_is_read_between_two_lines_of_the_log(reads, tmp_path):
    seen = []

    class Look(HistoryWriter):
        def on_step(self, state: TrainState) -> None:
            super().on_step(state)
            seen.append(reads.reads)

    run(TrainState(LineSession(8, 8)), FullPrecision(), [Look(tmp_path, 4)], read_interval=4)
    assert seen == [0, 0, 0, 4, 4, 4, 4, 8]


def test_the_means_are_those_of_every_iteration(tmp_path):
    values = {}
    for interval in (1, 4):
        folder = tmp_path / str(interval)
        folder.mkdir()
        run(TrainState(LineSession(8, 8)), FullPrecision(), [HistoryWriter(folder, 4)], read_interval=interval)
        values[interval] = [event["loss"] for event in read_history(folder / "history.jsonl") if "loss" in event]
    assert values[1] == values[4] and len(values[1]) == 2


@pytest.mark.parametrize("interval", [1, 3, 100])
def test_a_loss_that_is_no_number_is_named_with_its_own_iteration(interval: int):
    session = LineSession(8, 4, bad_iteration=2)
    with pytest.raises(NonFiniteLossError, match=r"iteration 3 .*2\.png"):
        run(TrainState(session), FullPrecision(), [], read_interval=interval)


def test_it_is_found_before_an_evaluation_is_made():
    """Else its weights would be measured and kept."""
    session = LineSession(8, 4, bad_iteration=2)
    session.scores = [1.0]
    with pytest.raises(NonFiniteLossError):
        run(TrainState(session), FullPrecision(), [], read_interval=100)
    assert session.scores == [1.0]


class _Shares(LineSession):
    """Its loss takes shares from 0 to 1, and refuses NaN before there is a loss that could show it."""

    broken_from: int | None = None

    def losses(self, batch):
        if self.broken_from is not None and f"{self.broken_from}.png" in batch.paths:
            weight = self.network.parameters()[0]
            weight.set_value(paddle.full_like(weight, math.nan))
        shares = paddle.nn.functional.sigmoid(self.forward(batch.tensors["x"]))
        return {"loss": paddle.nn.functional.binary_cross_entropy(shares + self.excess, paddle.ones_like(shares))}

    excess = 0.0


def test_weights_that_an_operator_refuses_are_named_with_the_images():
    session = _Shares(8, 4)
    session.broken_from = 2
    with pytest.raises(
        NonFiniteLossError, match=r"weights are no longer finite .*iteration 3 .*in the batch of: 2\.png"
    ):
        run(TrainState(session), FullPrecision(), [], read_interval=100)


def test_an_input_that_an_operator_refuses_is_named_with_the_images():
    session = _Shares(8, 4)
    session.excess = -2.0
    with pytest.raises(TrainingError, match=r"refuses its input at iteration 1 .*in the batch of: 0\.png") as caught:
        run(TrainState(session), FullPrecision(), [])
    assert not isinstance(caught.value, NonFiniteLossError)


def test_a_trial_step_of_the_plan_names_the_images_too():
    session = _Shares(8, 4)
    session.excess = -2.0
    with pytest.raises(TrainingError, match=r"refuses its input at iteration 1 .*in the batch of: 0\.png"):
        measuring._seconds(session, next(session.batches(0)), time.process_time, 1)


def test_a_loss_before_the_refusal_is_the_cause():
    session = _Shares(8, 4)
    losses = session.losses

    def once(batch):
        if "1.png" not in batch.paths:
            return losses(batch)
        session.broken_from = 2
        return {"loss": paddle.to_tensor(math.nan, stop_gradient=False)}

    session.losses = once
    with pytest.raises(NonFiniteLossError, match=r"loss is no longer finite at iteration 2 .*1\.png"):
        run(TrainState(session), FullPrecision(), [], read_interval=100)


def test_the_watch_looks_when_told_to():
    watch = FiniteWatch(10)
    watch.add(1, StepLosses({"loss": paddle.to_tensor(math.nan)}), ("a.png",), due=False)
    with pytest.raises(NonFiniteLossError, match=r"iteration 1 .*a\.png"):
        watch.look()
    watch.look()


def test_the_share_of_time_spent_on_waiting_is_told(tmp_path, monkeypatch, caplog):
    ticks = iter(np.cumsum([0.0, 0.0, 3.0, 1.0] * 4))  # an iteration begins, waits, has its images, ends
    monkeypatch.setattr("segcli.steps.train.loop.time.perf_counter", lambda: float(next(ticks)))
    with caplog.at_level("INFO", "segcli.train"):
        run(TrainState(LineSession(4, 4)), FullPrecision(), [HistoryWriter(tmp_path, 4)])
    assert read_history(tmp_path / "history.jsonl")[0]["data_share"] == 0.75
    assert "75 % waiting for data" in caplog.text
