"""The order of labelling, against reasoning and against the best choice of all."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from segcli.steps.suggest import ranking
from segcli.steps.suggest.ranking import rank, standardised


def _far_apart(count: int) -> np.ndarray:
    return np.eye(count, dtype=np.float32) * 10


def test_without_likeness_the_least_certain_come_first():
    found = rank([0.1, 0.5, 0.3], _far_apart(3))
    assert found.order == (1, 2, 0)
    assert found.held[-1] == pytest.approx(1)
    assert found.enough == 2  # of the third the model is surest


def test_ten_frames_of_one_video_are_not_the_first_ten():
    rng = np.random.default_rng(0)
    video = np.full((10, 8), 5.0) + rng.normal(0, 0.01, (10, 8))
    others = rng.normal(0, 3, (20, 8))
    looks = np.concatenate([video, others]).astype(np.float32)
    found = rank([0.9] * 10 + [0.3] * 20, looks)
    assert found.order[0] < 10  # the least certain, and like nine others
    assert all(number >= 10 for number in found.order[1:15])


def test_a_model_that_is_uncertain_everywhere_is_asked_where_it_is_more_so():
    rng = np.random.default_rng(1)
    unsure = 0.6 + 0.02 * rng.random(40)
    looks = rng.normal(size=(40, 6)).astype(np.float32)
    chosen = list(rank(unsure, looks).order[:10])
    alike = list(rank(np.ones(40), looks).order[:10])
    assert unsure[chosen].mean() > unsure[alike].mean() + 0.2 * unsure.std()


def test_what_is_like_a_labelled_image_comes_last():
    looks = _far_apart(4)
    found = rank([0.5, 0.5, 0.5, 0.1], looks, labelled=looks[:2])
    assert found.order[0] == 2 and found.order[1] == 3
    assert found.enough <= 2


def test_greedy_is_within_its_bound_of_the_best_choice():
    rng = np.random.default_rng(3)
    looks = rng.normal(size=(10, 3)).astype(np.float32)
    unsure = rng.random(10)
    found = rank(unsure, looks)
    worth = ranking._worth(unsure)
    squares = ((looks[:, None] - looks[None]) ** 2).sum(-1)
    likeness = np.exp(-squares / (0.25 * squares.sum() / 90))
    best = max((worth * likeness[list(three)].max(axis=0)).sum() for three in combinations(range(10), 3)) / worth.sum()
    assert found.held[2] <= best + 1e-6
    assert found.held[2] >= (1 - 1 / np.e) * best
    assert list(found.held) == sorted(found.held)


def test_many_images_are_ranked_by_their_least_certain_part(monkeypatch):
    monkeypatch.setattr(ranking, "CANDIDATES", 3)
    found = rank([0.1, 0.2, 0.3, 0.4, 0.5], _far_apart(5))
    assert found.order == (4, 3, 2, 1, 0)


@pytest.mark.parametrize("unsure", [[], [0.0], [0.0, 0.0]])
def test_nothing_to_know(unsure):
    found = rank(unsure, np.zeros((len(unsure), 2), np.float32))
    assert sorted(found.order) == list(range(len(unsure)))


def test_blocks_count_alike_whatever_their_units():
    rng = np.random.default_rng(0)
    table = standardised(
        [rng.normal(0, 200, (50, 3)).astype(np.float32), rng.normal(0, 0.01, (50, 7)).astype(np.float32)]
    )
    squares = (table**2).sum(axis=0)
    assert squares[:3].sum() == pytest.approx(squares[3:].sum(), rel=1e-4)
