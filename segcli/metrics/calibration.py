"""Calibration: reliability curve, expected calibration error (ECE), and the temperature that corrects it.

Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017: predictions are put into bins of
equal width by their confidence; ECE is the mean distance between confidence and accuracy of a bin, weighted by its
predictions. Per class, only predictions of that class count (Gupta and Ramdas 2022, top-label calibration).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.metrics.image_rows import Row
from segcli.metrics.label_pair import LabelPair
from segcli.metrics.semantic_scores import Values, ratio

BINS = 15
"""Number of bins, as in Guo et al."""
RELIABILITY_COLUMNS = 3 * BINS
"""Numbers per class: predictions, sum of confidence and correct predictions of each bin."""
_BETAS = 1 / np.geomspace(10, 0.1, 65)
"""Inverse temperatures at which the gradient is computed, rising."""
TEMPERATURE_COLUMNS = len(_BETAS)


def count_reliability(pair: LabelPair) -> Row:
    """Counts for the reliability of each predicted class: float64 [3 x bins x classes].

    Raises:
        ValueError: The pair has no scores.
    """
    scores = _scores(pair)
    confidence, labels = scores.confidence[pair.counted], scores.labels[pair.counted]
    return reliability_counts(confidence, labels == pair.truth[pair.counted], labels, pair.num_classes)


def reliability_counts(confidence: NDArray[Any], right: NDArray[Any], classes: NDArray[Any], count: int) -> Row:
    """Predictions, sum of confidence and correct predictions, by bin and class: float64 [3 x bins x classes].

    Args:
        confidence: Confidence of each prediction, 0 to 1 [n]; a bin includes its upper edge.
        right: Whether each prediction is correct [n].
        classes: Predicted class ids [n].
        count: Number of classes.
    """
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    place, size = bins * count + classes, BINS * count
    numbers = (
        np.bincount(place, minlength=size),
        np.bincount(place, confidence, size),
        np.bincount(place[right], minlength=size),
    )
    return np.concatenate(numbers).astype(np.float64)


def ece(sums: NDArray[Any]) -> Values:
    """Expected calibration error per class [..., classes]; NaN where nothing is predicted as it."""
    predictions, confidence, right = np.moveaxis(_by_bin(sums), -3, 0)
    return ratio(np.abs(right - confidence).sum(axis=-2), predictions.sum(axis=-2))


def ece_of_all(sums: NDArray[Any]) -> Values:
    """Expected calibration error of all predictions, whatever their class [...]."""
    predictions, confidence, right = np.moveaxis(_by_bin(sums).sum(axis=-1), -2, 0)
    return ratio(np.abs(right - confidence).sum(axis=-1), predictions.sum(axis=-1))


def reliability_curve(sums: NDArray[Any]) -> dict[str, list[float | None]]:
    """Mean confidence, accuracy and number of predictions of each bin, of all classes together; None in empty bins.

    Args:
        sums: [3 x bins x classes].
    """
    predictions, confidence, right = _by_bin(sums).sum(axis=-1)
    shares = {"confidence": ratio(confidence, predictions), "accuracy": ratio(right, predictions)}
    plain = {name: [None if np.isnan(v) else float(v) for v in values] for name, values in shares.items()}
    return {**plain, "predictions": predictions.tolist()}


def _by_bin(sums: NDArray[Any]) -> NDArray[Any]:
    """[..., 3, bins, classes]."""
    return sums.reshape(*sums.shape[:-1], 3, BINS, sums.shape[-1] // RELIABILITY_COLUMNS)


def count_gradients(pair: LabelPair) -> Row:
    """Gradient of the negative log-likelihood by inverse temperature and true class: float64 [temperatures x classes].

    Uses at most 2,048 evenly spaced pixels of the image. The gradient is the mean logit under the softmax minus the
    logit of the true class; it rises with the inverse temperature, so that its sum over images has a single root,
    where the likelihood of all pixels is largest.

    Raises:
        ValueError: The pair has no scores.
    """
    scores = _scores(pair)
    truth = pair.truth.reshape(-1)[scores.places]
    kept = (truth != pair.ignore_index) & (truth < pair.num_classes)
    truth = truth[kept].astype(np.int64)
    logits = scores.logits[kept] - scores.logits[kept].max(axis=1, keepdims=True)
    own = logits[np.arange(len(truth)), truth]
    row = np.zeros((TEMPERATURE_COLUMNS, pair.num_classes))
    for place, beta in enumerate(_BETAS):
        weights = np.exp(np.float32(beta) * logits)
        mean = np.einsum("nc,nc->n", weights, logits) / weights.sum(axis=1)
        row[place] = np.bincount(truth, mean - own, pair.num_classes)
    return row.reshape(-1)


def temperature(sums: NDArray[Any]) -> Values:
    """The temperature that fits each true class best [..., classes]; NaN where a class never occurs."""
    return _root(np.moveaxis(_by_beta(sums), -2, -1))


def temperature_of_all(sums: NDArray[Any]) -> Values:
    """The temperature that fits all pixels best [...], 0.1 to 10; logits are divided by it."""
    return _root(_by_beta(sums).sum(axis=-1))


def temperature_of_chances(chances: NDArray[Any], right: NDArray[Any]) -> float:
    """The temperature that fits the chances of single events best, 0.1 to 10; NaN without any.

    Args:
        chances: Predicted probability of each event [n].
        right: Whether it happened [n].
    """
    log_odds = _log_odds(chances)
    happened = np.asarray(right, np.float64)
    return float(_root(np.array([(log_odds * (_chance(beta * log_odds) - happened)).sum() for beta in _BETAS])))


def _log_odds(chances: NDArray[Any]) -> NDArray[np.float64]:
    known = np.clip(np.asarray(chances, np.float64), 1e-7, 1 - 1e-7)
    return np.asarray(np.log(known) - np.log1p(-known))


def _chance(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -200, 200))))


def _by_beta(sums: NDArray[Any]) -> NDArray[Any]:
    """[..., temperatures, classes]."""
    return sums.reshape(*sums.shape[:-1], TEMPERATURE_COLUMNS, sums.shape[-1] // TEMPERATURE_COLUMNS)


def _root(gradients: NDArray[Any]) -> Values:
    """Where rising gradients [..., temperatures] cross 0, as a temperature."""
    after = np.clip((gradients < 0).sum(axis=-1), 1, TEMPERATURE_COLUMNS - 1)
    low, high = (np.take_along_axis(gradients, (after - back)[..., None], axis=-1)[..., 0] for back in (1, 0))
    share = np.clip(np.nan_to_num(ratio(-low, high - low)), 0, 1)
    beta = _BETAS[after - 1] ** (1 - share) * _BETAS[after] ** share
    return np.where((gradients == 0).all(axis=-1), np.nan, 1 / beta)


def _scores(pair: LabelPair) -> Any:
    if pair.scores is None:
        raise ValueError("calibration needs the probabilities of the network, not label maps alone")
    return pair.scores
