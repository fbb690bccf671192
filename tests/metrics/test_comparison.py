"""Verdicts: a real difference is found, an imagined one is not, and pairs see more than intervals side by side."""

from __future__ import annotations

import numpy as np
import pytest

from segcli.data.classes import ClassMap
from segcli.metrics.bootstrap import Interval
from segcli.metrics.comparison import (
    Contender,
    Run,
    differences,
    differences_by_class,
    first_places,
    spread,
    verdict_of,
)
from segcli.metrics.semantic_counts import SemanticCounts
from segcli.metrics.semantic_report import SemanticReport, semantic_replicates

CLASSES = ClassMap(("a", "b", "c"))


def contender(name: str, *wrong: float, seed: int = 0, images: int = 60) -> Contender:
    """Runs on the same images of very different difficulty, with a share of wrong pixels on top."""
    runs = []
    for number, share in enumerate(wrong):
        truths, noise = np.random.default_rng(1), np.random.default_rng(seed + 7 * number)
        counts = SemanticCounts(CLASSES)
        for place in range(images):
            truth = truths.integers(0, 3, (20, 20)).astype(np.uint8)
            hard = truths.random() * 0.5
            other = truths.integers(0, 3, truth.shape).astype(np.uint8)
            labels = np.where(truths.random(truth.shape) < hard, other, truth)
            moved = noise.random(truth.shape) < share
            counts.update(place, np.where(moved, (labels + 1) % 3, labels).astype(np.uint8), truth)
        report = SemanticReport(counts, images)
        replicates = semantic_replicates(counts, "exclude", 400)
        runs.append(Run(f"{name}{number}", report.totals(), report.per_class(), replicates))
    return Contender(name, tuple(runs))


def test_a_small_difference_on_the_same_images_is_found():
    first, other = contender("first", 0.02), contender("other", 0.0)
    found = differences(first, other)["mIoU"]
    assert found.verdict == "better"
    assert found.interval.low < found.difference < found.interval.high
    assert found.better_share == 1
    single = [one.runs[0].replicates.intervals().all["mIoU"] for one in (first, other)]
    assert single[0].high > single[1].low, "beside each other, the intervals overlap"
    back = differences(other, first)["mIoU"]
    assert (back.verdict, back.difference) == ("worse", pytest.approx(-found.difference))
    assert differences_by_class(first, other)["b"]["IoU"].verdict == "better"


def test_the_same_twice_is_no_difference():
    found = differences(contender("a", 0.01), contender("b", 0.01))["mIoU"]
    assert (found.difference, found.interval, found.verdict) == (0, Interval(0, 0), "no difference")
    assert found.better_share == 0.5


def test_chance_alone_is_called_a_difference_as_seldom_as_promised():
    wrong = sum(
        differences(contender("a", 0.05, seed=seed, images=30), contender("b", 0.05, seed=seed + 1, images=30))[
            "mIoU"
        ].verdict
        != "no difference"
        for seed in range(0, 80, 2)
    )
    assert wrong <= 6


def test_several_runs_have_a_mean_a_spread_and_wider_intervals():
    runs = contender("seeds", 0.0, 0.1, 0.2)
    found = spread(runs, "mIoU")
    values = [one["value"] for one in found["runs"]]
    assert found["mean"] == pytest.approx(np.mean(values))
    assert found["standard_deviation"] == pytest.approx(np.std(values, ddof=1))
    one, three = differences(contender("x", 0.1), contender("y", 0.05)), differences(contender("x", 0.1), runs)
    width = {name: d["mIoU"].interval.high - d["mIoU"].interval.low for name, d in (("one", one), ("three", three))}
    assert width["three"] > 2 * width["one"]
    assert three["mIoU"].verdict == "no difference"


def test_the_ranking_says_how_sure_it_is():
    places = first_places([contender("bad", 0.2), contender("good", 0.0), contender("twin", 0.0001, seed=3)], "mIoU")
    assert places["bad"] == 0
    assert sum(places.values()) == pytest.approx(1)


def test_equal_contenders_share_the_first_place():
    places = first_places([contender("bad", 0.2), contender("good", 0.0), contender("same", 0.0)], "mIoU")
    assert places == {"bad": 0, "good": 0.5, "same": 0.5}


def test_a_number_without_an_interval_has_no_verdict():
    assert verdict_of(None) == "not defined"


def test_of_distances_the_smaller_one_is_better():
    down = Interval(-2.0, -0.5)
    assert (verdict_of(down), verdict_of(down, lower_is_better=True)) == ("worse", "better")
    assert verdict_of(Interval(-1.0, 1.0), lower_is_better=True) == "no difference"
