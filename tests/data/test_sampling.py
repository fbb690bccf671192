from __future__ import annotations

import random

import numpy as np
import pytest

from segcli.data.sampling import BatchSampler, SampleOrder, seed_augmentation


def indices(order: SampleOrder, iterations: range) -> list[list[int]]:
    return [[order.sample(position) for position in order.batch(iteration)] for iteration in iterations]


def test_an_epoch_draws_every_sample_once():
    order = SampleOrder(samples=6, batch_size=2)
    epoch = [index for batch in indices(order, range(3)) for index in batch]
    assert sorted(epoch) == list(range(6))


def test_a_shorter_epoch_goes_on_where_the_last_one_ended():
    whole, short = SampleOrder(samples=7, batch_size=2), SampleOrder(samples=7, batch_size=2, per_epoch=4)
    assert (whole.iterations_per_epoch, short.iterations_per_epoch) == (3, 2)
    assert SampleOrder(samples=7, batch_size=2, per_epoch=100).iterations_per_epoch == 3
    assert indices(short, range(9)) == indices(whole, range(9))


def test_epochs_differ_and_the_remainder_is_left_out():
    order = SampleOrder(samples=7, batch_size=2)
    assert order.iterations_per_epoch == 3
    assert indices(order, range(3)) != indices(order, range(3, 6))


def test_a_set_smaller_than_a_batch_fills_it():
    order = SampleOrder(samples=3, batch_size=8)
    (batch,) = indices(order, range(1))
    assert len(batch) == 8
    assert set(batch) == {0, 1, 2}


def test_processes_share_the_draws_of_one():
    one = SampleOrder(samples=8, batch_size=4)
    halves = [SampleOrder(samples=8, batch_size=2, rank=rank, world_size=2) for rank in range(2)]
    for iteration in range(5):
        joined = [position for half in halves for position in half.batch(iteration)]
        assert joined == one.batch(iteration)


def test_the_order_is_that_of_paddles_batch_sampler():
    paddle = pytest.importorskip("paddle")

    class Numbers(paddle.io.Dataset):
        def __getitem__(self, index):
            return index

        def __len__(self):
            return 11

    theirs = paddle.io.DistributedBatchSampler(
        Numbers(), batch_size=3, shuffle=True, drop_last=True, num_replicas=1, rank=0
    )
    order = SampleOrder(samples=11, batch_size=3)
    assert indices(order, range(3)) == list(theirs)
    assert indices(order, range(3, 6)) == list(theirs)


def test_augmentation_depends_on_the_draw_alone():
    order = SampleOrder(samples=5, batch_size=2, seed=3)
    seed_augmentation(order.seed_of(17))
    first = (random.random(), np.random.rand())
    seed_augmentation(order.seed_of(18))
    other = (random.random(), np.random.rand())
    seed_augmentation(order.seed_of(17))
    assert first == (random.random(), np.random.rand())
    assert first != other


def test_a_plan_begins_where_it_is_told():
    order = SampleOrder(samples=5, batch_size=2)
    assert list(BatchSampler(order, 2, 4)) == [[4, 5], [6, 7]]
    assert len(BatchSampler(order, 2, 4)) == 2
