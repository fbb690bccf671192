"""What a configuration may change when a training goes on, and what a checkpoint must not be."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import paddle
import pytest

from segcli.data.classes import ClassMap
from segcli.data.identity import PartIdentity
from segcli.errors import NonFiniteLossError, WeightsError
from segcli.steps.train import resume
from segcli.steps.train.history import read_history
from segcli.steps.train.precision import FullPrecision
from segcli.steps.train.states import STATES_FILE
from segcli.trained import load_trained
from segcli.weights.checksums import CHECKSUMS_FILE, write_checksums
from segcli.weights.files import read_weights, write_pdparams
from tests.steps.train.line_run import LineRuns


def rates(output: Path) -> dict[int, float]:
    return {event["iteration"]: event["lr"] for event in read_history(output / "history.jsonl") if "lr" in event}


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)


def test_an_average_switched_on_begins_with_the_restored_weights(line_run: LineRuns, tmp_path, caplog):
    line_run(tmp_path)
    raw = read_weights(tmp_path / "iter_8" / "model.pdparams")
    with caplog.at_level(logging.INFO, "segcli.train"):
        line_run(tmp_path, epochs_iters=9, eval_interval=1, resume_path="last", ema={"enable": True, "decay": 0.4})
    average, after = (read_weights(tmp_path / "iter_9" / name) for name in ("ema.pdparams", "model.pdparams"))
    for name in raw:
        np.testing.assert_allclose(average[name], 0.4 * raw[name] + 0.6 * after[name], rtol=1e-5, atol=1e-7)
    assert "has no moving average: it starts from the restored weights" in caplog.text
    with caplog.at_level(logging.INFO, "segcli.train"):
        line_run(tmp_path, epochs_iters=10, resume_path="last")
    assert "moving average is not used: averaging is switched off" in caplog.text


@pytest.mark.parametrize(
    "changed", [{"epochs_iters": 16}, {"learning_rate": 0.02}, {"epochs_iters": 16, "learning_rate": 0.5}]
)
def test_a_changed_schedule_is_followed_from_the_first_step_and_said(line_run: LineRuns, tmp_path, caplog, changed):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    line_run(whole, **changed, log_interval=1)
    line_run(parts, log_interval=1)
    with caplog.at_level(logging.INFO, "segcli.train"):
        line_run(parts, resume_path=str(parts / "iter_4"), **changed, log_interval=1)
    assert {at: rate for at, rate in rates(parts).items() if at > 4} == {
        at: rate for at, rate in rates(whole).items() if at > 4
    }
    assert f"iteration 5 has {rates(whole)[5]:g}, in the checkpoint's schedule it had" in caplog.text
    assert ("the training has 16 iterations, the checkpoint's had 8" in caplog.text) is ("epochs_iters" in changed)


def test_another_batch_size_is_said(line_run: LineRuns, tmp_path, caplog):
    line_run(tmp_path, batch_size=2)
    with caplog.at_level(logging.INFO, "segcli.train"):
        line_run(tmp_path, batch_size=2, epochs_iters=12, resume_path="last")
    assert "images per process" not in caplog.text
    with caplog.at_level(logging.INFO, "segcli.train"):
        line_run(tmp_path, batch_size=6, epochs_iters=16, resume_path="last")
    assert (
        "an iteration uses 6 images per process, the checkpoint's used 2: an epoch now has 4 iterations" in caplog.text
    )


@pytest.mark.parametrize("call", ["on_checkpoint", "on_evaluation"])
def test_weights_that_are_no_numbers_are_not_kept(line_run: LineRuns, tmp_path, call):
    """A loss may still be a number where its gradient is none; the checkpoint before stays the newest."""

    def change(session):
        step, count = session.optimizer.step, []

        def broken():
            step()
            count.append(1)
            if len(count) == 8:
                weight = session.network[0].weight
                paddle.assign(paddle.full_like(weight, float("nan")), weight)

        session.optimizer.step = broken

    settings = {"eval_interval": 4 if call == "on_evaluation" else 10, "checkpoint_minutes": 1e-9}
    with pytest.raises(NonFiniteLossError, match="weights are no longer finite at iteration 8"):
        line_run(tmp_path, epochs_iters=10, change=change, keep_checkpoints=3, **settings)
    assert not (tmp_path / "iter_8").exists()
    assert (tmp_path / "iter_7").is_dir()


def test_an_unchanged_schedule_is_no_news(line_run: LineRuns, tmp_path, caplog):
    line_run(tmp_path)
    with caplog.at_level(logging.INFO, "segcli.train"):
        line_run(tmp_path, resume_path=str(tmp_path / "iter_4"))
    assert "the learning rate follows" not in caplog.text and "the training has" not in caplog.text


class Scaled(FullPrecision):
    """Stands for mixed precision, which has a state."""

    def __init__(self) -> None:
        self.taken = None

    def state_dict(self):
        return {"scale": 1024.0}

    def load_state_dict(self, values):
        self.taken = dict(values)


@pytest.mark.parametrize(
    ("kept", "precision", "said"),
    [
        ({}, Scaled(), "switched on, the loss scale starts at its default"),
        ({"scale": 8.0}, FullPrecision(), "switched off"),
        ({"scale": 8.0}, Scaled(), ""),
    ],
)
def test_mixed_precision_may_be_switched(kept, precision, said, caplog):
    with caplog.at_level(logging.INFO, "segcli.train"):
        resume._restore_precision(kept, precision)
    assert said in caplog.text
    assert getattr(precision, "taken", None) == (kept if not said else None)


@pytest.mark.parametrize("name", ["model.pdparams", "model.pdopt", STATES_FILE, "model_card.json", CHECKSUMS_FILE])
@pytest.mark.parametrize("damage", ["bit", "truncated", "missing"])
def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(line_run: LineRuns, tmp_path, caplog, name, damage):
    line_run(tmp_path)
    path = tmp_path / "iter_8" / name
    if damage == "bit":
        flip_a_bit(path)
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:-20])
    else:
        path.unlink()
    with caplog.at_level(logging.INFO, "segcli.train"):
        result = line_run(tmp_path, resume_path="last")
    assert f"{tmp_path / 'iter_8'} is damaged and skipped: " in caplog.text
    assert f"resumed from {tmp_path / 'iter_4'} at iteration 4 of 8" in caplog.text
    assert result.iterations == 8
    assert (tmp_path / "run_1" / "iter_8").is_dir()
    assert (tmp_path / "best_model").is_dir() and not (tmp_path / "run_1" / "best_model").exists()


def test_a_damaged_checkpoint_that_was_named_is_refused(line_run: LineRuns, tmp_path):
    line_run(tmp_path)
    flip_a_bit(tmp_path / "iter_8" / "model.pdparams")
    with pytest.raises(WeightsError, match=r"damaged: model\.pdparams is not what was written") as refused:
        line_run(tmp_path, resume_path=str(tmp_path / "iter_8"))
    assert str(tmp_path / "iter_4") in refused.value.hint
    flip_a_bit(tmp_path / "iter_4" / "model.pdopt")
    with pytest.raises(WeightsError, match="every checkpoint here is damaged"):
        line_run(tmp_path, resume_path="last")


def test_damaged_weights_are_not_measured_or_exported(line_run: LineRuns, tmp_path):
    line_run(tmp_path)
    best = tmp_path / "best_model" / "model.pdparams"
    flip_a_bit(best)
    with pytest.raises(WeightsError, match="this file is damaged"):
        load_trained(best)


@pytest.mark.parametrize(
    ("entry", "value", "said"),
    [
        ("iteration", "eight", r"iteration: .*'eight'"),
        ("best_score", [1], r"best_score: .*\[1\]"),
        ("callbacks", 5, "callbacks: .*5"),
        ("class_names", "a", "class_names: .*'a'"),
        ("data", {"train": {"samples": "many", "sha256": "a"}}, "data.train.samples: .*'many'"),
        ("callbacks", {"HistoryWriter": {"sums": 3}}, r"callbacks\.HistoryWriter is invalid"),
        ("states_version", 9, "states_version: .*9"),
        ("iteration", None, "iteration"),
    ],
)
def test_wrong_types_in_the_states_are_named(line_run: LineRuns, tmp_path, entry, value, said):
    line_run(tmp_path)
    folder = tmp_path / "iter_8"
    values = json.loads((folder / STATES_FILE).read_text())
    values[entry] = value
    (folder / STATES_FILE).write_text(json.dumps(values))
    write_checksums(folder)
    with pytest.raises(WeightsError, match=said) as refused:
        line_run(tmp_path, resume_path="last")
    assert refused.value.path == str(folder / STATES_FILE)


def test_a_wrong_optimizer_file_is_named(line_run: LineRuns, tmp_path):
    line_run(tmp_path)
    weights = read_weights(tmp_path / "iter_8" / "model.pdparams")
    write_pdparams(tmp_path / "iter_8" / "model.pdopt", {name: array[:1] for name, array in weights.items()})
    write_checksums(tmp_path / "iter_8")
    with pytest.raises(WeightsError, match="cannot be resumed") as refused:
        line_run(tmp_path, resume_path="last")
    assert refused.value.path.endswith("model.pdopt")


def test_other_classes_are_refused(line_run: LineRuns, tmp_path):
    line_run(tmp_path, change=lambda session: setattr(session, "classes", ClassMap(("cat", "dog"))))
    with pytest.raises(WeightsError, match=r"(?s)other classes.*dog +cat   <- differ"):
        line_run(
            tmp_path, resume_path="last", change=lambda session: setattr(session, "classes", ClassMap(("dog", "cat")))
        )


def test_other_images_are_told_or_refused(line_run: LineRuns, tmp_path, caplog):
    line_run(tmp_path)
    more = {"train": PartIdentity(30, "c"), "val": PartIdentity(20, "b")}
    with caplog.at_level(logging.WARNING, "segcli.train"):
        line_run(tmp_path, epochs_iters=12, resume_path="last", change=lambda session: setattr(session, "data", more))
    assert "the train split has changed: 24 images then, 30 now" in caplog.text
    other = {**more, "val": PartIdentity(20, "x")}
    with pytest.raises(WeightsError, match="the val split has changed: its") as refused:
        line_run(tmp_path, epochs_iters=16, resume_path="last", change=lambda session: setattr(session, "data", other))
    assert "Train.pretrain_weight_path=" in refused.value.hint
