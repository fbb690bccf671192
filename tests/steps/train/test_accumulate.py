"""Gradients of several batches in one iteration, and parts that are left as they are."""

from __future__ import annotations

import logging

import numpy as np
import paddle
import pytest

from segcli.data.sampling import BatchSampler, SampleOrder
from segcli.engine import Batch
from segcli.errors import ConfigError
from segcli.steps.train.freezing import freeze
from segcli.steps.train.history import read_history
from segcli.steps.train.precision import FullPrecision
from segcli.weights.files import read_weights
from tests.images import make_seg_dataset
from tests.steps.train.line_run import LineRuns
from tests.steps.train.test_options import run
from tests.steps.train.tiny import LineSession


class Plain(LineSession):
    """Without dropout and batch normalisation, so that an iteration is the sum of its batches."""

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.accumulate = parts
        with paddle.utils.unique_name.guard():
            self.network = paddle.nn.Sequential(paddle.nn.Linear(3, 4), paddle.nn.Tanh(), paddle.nn.Linear(4, 1))
            generator = np.random.RandomState(0)
            for parameter in self.network.parameters():
                parameter.set_value(generator.rand(*parameter.shape).astype("float32"))
            self.optimizer = paddle.optimizer.Momentum(0.1, parameters=self.network.parameters())
        self.forward = self.network

    def split(self, iteration: int) -> list[Batch]:
        (whole,) = [batch for index, batch in enumerate(self.batches(0)) if index == iteration]
        size = 6 // self.accumulate
        return [
            Batch({name: tensor[at : at + size] for name, tensor in whole.tensors.items()}, whole.paths[:size])
            for at in range(0, 6, size)
        ]


def test_an_iteration_of_parts_is_one_of_the_whole_batch():
    sessions = [Plain(1), Plain(3)]
    losses: list[list[float]] = [[], []]
    for session, kept in zip(sessions, losses, strict=True):
        for iteration in range(4):
            kept.append(float(FullPrecision().step(session, session.split(iteration))["loss"]))
            session.optimizer.clear_grad()
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)
    for whole, parts in zip(*(session.network.parameters() for session in sessions), strict=True):
        np.testing.assert_allclose(whole.numpy(), parts.numpy(), rtol=1e-5, atol=1e-7)
    assert losses[0][0] != losses[0][-1]


def test_the_parts_of_an_iteration_are_the_draws_of_the_large_batch():
    for rank in (0, 1):
        large = SampleOrder(11, 4, rank=rank, world_size=2)
        parts = SampleOrder(11, 4, rank=rank, world_size=2, parts=2)
        plan = list(BatchSampler(parts, 2, 5))
        assert [a + b for a, b in zip(plan[::2], plan[1::2], strict=True)] == list(BatchSampler(large, 2, 5))
        assert [large.sample(position) for position in range(40)] == [parts.sample(position) for position in range(40)]
        assert parts.iterations_per_epoch == large.iterations_per_epoch
        assert len(BatchSampler(parts, 2, 5)) == len(plan)


def test_a_training_of_parts_resumes_bit_for_bit(tmp_path):
    dataset = make_seg_dataset(tmp_path / "data", train=6, val=2)
    settings = {"accumulate": 2, "batch_size": 2, "freeze": ("backbone.smb1",), "loss": "ohem + 0.5*dice"}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    result = run(whole, dataset, **settings)
    run(parts, dataset, **settings)
    run(parts, dataset, **settings, resume_path=str(parts / "iter_1"))
    assert result.iterations == 2
    left, right = (read_weights(folder / "iter_2/model.pdparams") for folder in (whole, parts))
    assert all(np.array_equal(left[name], right[name]) for name in left)
    steps = [event for event in read_history(whole / "history.jsonl") if event["event"] == "train"]
    assert [event["epoch"] for event in steps] == [1, 2]
    first = read_weights(whole / "iter_1/model.pdparams")
    still = [name for name in left if name.startswith("backbone.smb1.")]
    assert len(still) > 10
    assert all(np.array_equal(first[name], left[name]) for name in still)
    assert not np.array_equal(first["cls_seg.weight"], left["cls_seg.weight"])


def test_frozen_parts_keep_weights_and_statistics(line_run: LineRuns, tmp_path, caplog):
    before = {name: tensor.numpy() for name, tensor in LineSession().network.state_dict().items()}
    with caplog.at_level(logging.INFO, "segcli.train"):
        line_run(tmp_path, freeze=("[01]",))
    after = read_weights(tmp_path / "iter_8" / "model.pdparams")
    changed = [name for name in before if not np.array_equal(before[name], after[name])]
    assert changed == ["3.weight", "3.bias"]
    assert "frozen: [01]" in caplog.text


@pytest.mark.parametrize(
    ("patterns", "said"), [(("backbon",), "did you mean backbone"), (("backbone", "head"), "no weight is left")]
)
def test_what_cannot_be_frozen_is_said(patterns, said):
    class Net(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.backbone, self.head = paddle.nn.Linear(2, 2), paddle.nn.Linear(2, 2)

    with pytest.raises(ConfigError, match=said):
        freeze(Net(), patterns)
