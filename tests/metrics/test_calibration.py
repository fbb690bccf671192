"""Calibration equals scikit-learn's curve, and the temperature is where scipy finds the best likelihood."""

from __future__ import annotations

import numpy as np
import pytest

from segcli.data.classes import ClassMap
from segcli.inference.activation import Activation, tempered
from segcli.inference.label_scores import label_scores
from segcli.metrics.bootstrap import resampled_sums, unit_of_images
from segcli.metrics.calibration import (
    BINS,
    count_gradients,
    count_reliability,
    ece,
    ece_of_all,
    reliability_counts,
    reliability_curve,
    temperature,
    temperature_of_all,
    temperature_of_chances,
)
from segcli.metrics.label_pair import LabelPair
from segcli.metrics.semantic_counts import SemanticCounts
from segcli.metrics.semantic_report import SemanticReport, semantic_intervals
from segcli.metrics.table import CALIBRATION

CLASSES = 4


def scored_pair(seed: int, heat: float = 1.0, side: int = 40) -> tuple[LabelPair, np.ndarray]:
    """Logits whose classes are drawn from their own softmax, then multiplied: right with a temperature of `heat`."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (CLASSES, side, side)).astype(np.float32)
    odds = np.exp(logits) / np.exp(logits).sum(axis=0)
    truth = (rng.random((side, side)) > np.cumsum(odds, axis=0)).sum(axis=0).clip(0, CLASSES - 1).astype(np.uint8)
    truth[:2] = 255
    logits *= np.float32(heat)
    return LabelPair(
        logits.argmax(axis=0).astype(np.uint8), truth, CLASSES, scores=label_scores(logits, side, side)
    ), logits


def sklearn_ece(confidence: np.ndarray, right: np.ndarray) -> float:
    from sklearn.calibration import calibration_curve

    accuracy, mean = calibration_curve(right, confidence, n_bins=BINS)
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], confidence), minlength=BINS)
    return float((np.abs(accuracy - mean) * counts[counts > 0]).sum() / counts.sum())


@pytest.mark.parametrize("seed", range(20))
def test_ece_equals_scikit_learns_curve(seed):
    pair, logits = scored_pair(seed, heat=1 + seed / 10)
    sums = count_reliability(pair)
    probabilities = np.exp(logits - logits.max(axis=0))
    probabilities /= probabilities.sum(axis=0)
    confidence, labels = probabilities.max(axis=0)[2:].ravel(), pair.prediction[2:].ravel()
    right = labels == pair.truth[2:].ravel()
    assert ece_of_all(sums) == pytest.approx(sklearn_ece(confidence, right), abs=1e-6)
    for class_id, found in enumerate(ece(sums)):
        own = labels == class_id
        assert found == pytest.approx(sklearn_ece(confidence[own], right[own]), abs=1e-6)
    curve = reliability_curve(sums)
    assert sum(curve["predictions"]) == len(right)
    assert curve["accuracy"][0] is None, "four classes: no confidence below a quarter"


@pytest.mark.parametrize("heat", [0.3, 0.7, 1.0, 1.9, 4.0])
def test_the_temperature_is_where_the_likelihood_is_best(heat):
    from scipy.optimize import minimize_scalar

    pairs = [scored_pair(seed, heat) for seed in range(3)]
    sums = np.sum([count_gradients(pair) for pair, _ in pairs], axis=0)
    logits = np.concatenate([pair.scores.logits for pair, _ in pairs])
    truth = np.concatenate([pair.truth.ravel()[pair.scores.places] for pair, _ in pairs])
    logits, truth = logits[truth < CLASSES].astype(np.float64), truth[truth < CLASSES]

    def loss(wanted: float) -> float:
        scaled = logits / np.exp(wanted)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(truth)), truth]).mean())

    best = float(np.exp(minimize_scalar(loss, bounds=(-2, 2), method="bounded", options={"xatol": 1e-8}).x))
    assert temperature_of_all(sums) == pytest.approx(best, rel=2e-3)
    assert best == pytest.approx(heat, rel=0.12)
    assert np.isfinite(temperature(sums)).all()


def test_a_temperature_makes_the_confidence_right():
    pair, logits = scored_pair(1, heat=3.0, side=120)
    heat = float(temperature_of_all(count_gradients(pair)))
    before = float(ece_of_all(count_reliability(pair)))
    cooled = LabelPair(pair.prediction, pair.truth, CLASSES, scores=label_scores(logits, 120, 120, Activation(heat)))
    assert float(ece_of_all(count_reliability(cooled))) < before / 5
    assert (cooled.scores.labels == pair.scores.labels).all(), "no label changes"


def test_they_are_numbers_of_the_report_that_merge_and_have_intervals():
    whole, parts = SemanticCounts(ClassMap.numbered(CLASSES), CALIBRATION), []
    for place in range(6):
        pair, _ = scored_pair(place, 2.0)
        part = SemanticCounts(ClassMap.numbered(CLASSES), CALIBRATION)
        for counts in (whole, part):
            counts.update(place, pair.prediction, pair.truth, scores=pair.scores)
        parts.append(part)
    first = parts[3]
    for other in (parts[0], parts[5], parts[1], parts[4], parts[2]):
        first.merge(other)
    assert SemanticReport(first, 6).as_dict() == SemanticReport(whole, 6).as_dict()
    report = SemanticReport(whole, 6)
    interval = semantic_intervals(whole, "exclude", 200).all
    assert interval["temperature"].low < report.totals()["temperature"] < interval["temperature"].high
    rows = whole.extras["ECE"].dense()
    by_hand = ece_of_all(resampled_sums(rows, lambda sums: sums, 200, unit_of_images(None, 6)))
    assert interval["ECE"].low == pytest.approx(np.quantile(by_hand, 0.025))
    with pytest.raises(ValueError, match="probabilities"):
        count_reliability(LabelPair(pair.prediction, pair.truth, CLASSES))


@pytest.mark.parametrize("heat", [0.4, 1.0, 2.5])
def test_the_temperature_of_scores_is_where_the_likelihood_is_best(heat):
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(round(10 * heat))
    log_odds = rng.normal(size=20_000)
    right = rng.random(len(log_odds)) < 1 / (1 + np.exp(-log_odds))
    scores = 1 / (1 + np.exp(-heat * log_odds))

    def loss(beta):
        own = np.clip(1 / (1 + np.exp(-beta * heat * log_odds)), 1e-12, 1 - 1e-12)
        return -np.where(right, np.log(own), np.log(1 - own)).mean()

    best = 1 / optimize.minimize_scalar(loss, bounds=(0.1, 10), method="bounded", options={"xatol": 1e-9}).x
    found = temperature_of_chances(scores, right)
    assert found == pytest.approx(best, rel=2e-3)
    after = tempered(scores, found)
    assert (np.argsort(after, kind="stable") == np.argsort(scores, kind="stable")).all(), "AP stays"
    none = np.zeros(len(scores), int)
    before, left = (float(ece_of_all(reliability_counts(values, right, none, 1))) for values in (scores, after))
    assert left < 0.015
    assert left <= before + 1e-3
    assert np.isnan(temperature_of_chances(np.zeros(0), np.zeros(0, bool)))
