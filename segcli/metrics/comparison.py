"""Compares models evaluated on the same images by a paired bootstrap.

Every replicate draws the same images for all models, so that the difficulty of an image cancels out in the difference
(Koehn, "Statistical Significance Tests for Machine Translation Evaluation", EMNLP 2004). If a contender consists of
several trainings, each replicate resamples the trainings too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from segcli.metrics.bootstrap import SEED, Interval, Values, interval_of
from segcli.metrics.intervals import Replicates
from segcli.metrics.table import LOWER_IS_BETTER, NEITHER_IS_BETTER

Verdict = Literal["better", "worse", "no difference", "not defined"]
Numbers = Mapping[str, float | None]


@dataclass(frozen=True)
class Run:
    """One evaluation.

    Attributes:
        name: Name of the evaluated model.
        all: Metrics over all classes.
        by_class: Class name -> its metrics.
        replicates: The same metrics in each replicate; all evaluations share the draws.
    """

    name: str
    all: Numbers
    by_class: Mapping[str, Numbers]
    replicates: Replicates


@dataclass(frozen=True)
class Contender:
    """One model, or several trainings of it.

    Attributes:
        name: Name of the contender.
        runs: One run, several on the same images (seeds), or the folds of a cross-validation, each on its own images.
        folds: Whether the runs are folds: every replicate uses all folds, but resamples seeds.
    """

    name: str
    runs: tuple[Run, ...]
    folds: bool = False


@dataclass(frozen=True)
class Difference:
    """How a metric of a contender differs from that of the first contender.

    Attributes:
        first: Value of the first contender; the mean over its runs.
        other: Value of the other contender; the mean over its runs.
        interval: Confidence interval of the difference other - first.
        verdict: Whether the other is better or worse.
        better_share: Share of the replicates in which the other is better; ties count half.
    """

    first: float | None
    other: float | None
    interval: Interval | None
    verdict: Verdict
    better_share: float | None

    @property
    def difference(self) -> float | None:
        """other - first; None where either is not defined."""
        return None if self.first is None or self.other is None else self.other - self.first

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        interval = None if self.interval is None else self.interval.as_list()
        numbers = {"first": self.first, "other": self.other, "difference": self.difference, "interval": interval}
        return {**numbers, "verdict": self.verdict, "better_share": self.better_share}


def differences(first: Contender, other: Contender) -> dict[str, Difference]:
    """The difference in each metric over all classes."""
    return {name: _difference(first, other, (name,)) for name in _common(first.runs[0].all, other.runs[0].all)}


def differences_by_class(first: Contender, other: Contender) -> dict[str, dict[str, Difference]]:
    """The difference in each metric that has replicates, by class name."""
    firsts, others = first.runs[0].replicates.by_class, other.runs[0].replicates.by_class
    return {
        class_name: {
            name: _difference(first, other, (class_name, name))
            for name in _common(firsts[class_name], others[class_name])
        }
        for class_name in _common(firsts, others)
    }


def first_places(contenders: Sequence[Contender], name: str) -> dict[str, float]:
    """Share of the replicates in which each contender is the best, equal ones in equal parts."""
    values = np.stack([_replicates(contender, (name,), place) for place, contender in enumerate(contenders)])
    known = ~np.isnan(values).any(axis=0)
    best = values[:, known] == values[:, known].max(axis=0, initial=-np.inf)
    shares = (best / best.sum(axis=0)).sum(axis=1) / max(best.shape[1], 1)
    return {contender.name: float(share) for contender, share in zip(contenders, shares, strict=True)}


def spread(contender: Contender, name: str) -> dict[str, Any]:
    """Mean, sample standard deviation and single values of a metric over the runs."""
    values = [run.all.get(name) for run in contender.runs]
    known = np.array([value for value in values if value is not None])
    deviation = float(known.std(ddof=1)) if len(known) > 1 else None
    mean = float(known.mean()) if len(known) else None
    runs = [{"run": run.name, "value": value} for run, value in zip(contender.runs, values, strict=True)]
    return {"mean": mean, "standard_deviation": deviation, "runs": runs}


def _common(first: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [name for name in first if name in other and name not in NEITHER_IS_BETTER]


def _difference(first: Contender, other: Contender, path: tuple[str, ...]) -> Difference:
    numbers = _number(first, path), _number(other, path)
    change = _replicates(other, path, 1) - _replicates(first, path, 0)
    interval, known = interval_of(change), change[~np.isnan(change)]
    sign = -1 if path[-1] in LOWER_IS_BETTER else 1
    share = float((sign * known > 0).mean() + (known == 0).mean() / 2) if len(known) else None
    return Difference(*numbers, interval, verdict_of(interval, lower_is_better=sign < 0), share)


def verdict_of(interval: Interval | None, *, lower_is_better: bool = False) -> Verdict:
    """The verdict in words: better or worse only if the whole interval is on one side of 0."""
    if interval is None:
        return "not defined"
    if interval.low <= 0 <= interval.high:
        return "no difference"
    return "better" if (interval.low > 0) is not lower_is_better else "worse"


def _number(contender: Contender, path: tuple[str, ...]) -> float | None:
    values = [run.all.get(path[0]) if len(path) == 1 else run.by_class[path[0]].get(path[1]) for run in contender.runs]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _replicates(contender: Contender, path: tuple[str, ...], place: int) -> Values:
    """The replicates of a metric; with several runs the mean of resampled runs, with folds the mean of all folds."""
    found = [run.replicates for run in contender.runs]
    values = np.stack([one.all[path[0]] if len(path) == 1 else one.by_class[path[0]][path[1]] for one in found])
    if len(values) == 1 or contender.folds:
        return np.asarray(values.mean(axis=0), np.float64)
    generator = np.random.Generator(np.random.PCG64((SEED, place)))
    drawn = generator.integers(0, len(values), values.shape)
    return np.asarray(np.take_along_axis(values, drawn, axis=0).mean(axis=0), np.float64)
