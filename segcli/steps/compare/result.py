"""The result of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segcli.metrics.bootstrap import CONFIDENCE, SEED
from segcli.metrics.comparison import Difference
from segcli.metrics.intervals import few_units

ONE_TRAINING = (
    "a verdict is about these models on images like these; another seed may turn it. To compare how models are "
    "trained, give several seeds of each (segcli compare A1,A2,A3 B1,B2,B3) or train both with --folds"
)
"""Said where a contender is one training only."""


@dataclass(frozen=True)
class Against:
    """A contender compared with the first one.

    Attributes:
        name: Its path, or its paths.
        numbers: How the numbers of all classes differ.
        by_class: How they differ per class.
    """

    name: str
    numbers: Mapping[str, Difference]
    by_class: Mapping[str, Mapping[str, Difference]]


@dataclass(frozen=True)
class CompareResult:
    """The result of a comparison.

    Attributes:
        dataset: Folder of the images.
        score: Name of the metric by which models are compared.
        images: Number of evaluated images.
        protocol: Settings of `Evaluate` that change numbers, the same for all.
        unit: What the bootstrap draws: ``image`` or ``group``.
        units: Number of these units.
        replicates: Number of bootstrap replicates.
        first: The contender that the others are compared with.
        others: The other contenders.
        ranking: Share of replicates in which each contender is best.
        runs: Mean, standard deviation and runs of each contender.
        page: Path of the report page.
    """

    dataset: str
    score: str
    images: int
    protocol: Mapping[str, Any]
    unit: str
    units: int
    replicates: int
    first: str
    others: Sequence[Against]
    ranking: Mapping[str, float]
    runs: Mapping[str, Mapping[str, Any]]
    page: str

    @property
    def notes(self) -> list[str]:
        """Warnings about the numbers, and what a verdict does not say."""
        decided = any(other.numbers[self.score].verdict in ("better", "worse") for other in self.others)
        single = any(len(values["runs"]) == 1 for values in self.runs.values())
        return [*few_units(self.units, self.unit), *([ONE_TRAINING] if decided and single else [])]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "done_flag": True,
            "dataset": self.dataset,
            "score": self.score,
            "images": self.images,
            "protocol": {name: _plain(value) for name, value in self.protocol.items()},
            "notes": self.notes,
            "bootstrap": {
                "confidence": CONFIDENCE,
                "replicates": self.replicates,
                "seed": SEED,
                "unit": self.unit,
                "units": self.units,
            },
            "first": self.first,
            "others": [
                {
                    "name": other.name,
                    "verdict": other.numbers[self.score].verdict,
                    "numbers": {name: one.as_dict() for name, one in other.numbers.items()},
                    "classes": {
                        name: {key: one.as_dict() for key, one in numbers.items()}
                        for name, numbers in other.by_class.items()
                    },
                }
                for other in self.others
            ],
            "ranking": dict(self.ranking),
            "runs": {name: dict(values) for name, values in self.runs.items()},
            "page": self.page,
        }

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        rows = [("data", f"{self.dataset}, {self.images} images"), ("first", self.first)]
        for other in self.others:
            rows.append(("other", f"{other.name}: {other.numbers[self.score].verdict} by {self.score}"))
            rows += [(name, sentence(one)) for name, one in other.numbers.items()]
            rows += [
                (name, sentence(numbers[key])) for name, numbers in other.by_class.items() for key in list(numbers)[:1]
            ]
        if len(self.others) > 1:
            rows.append(("best in", ", ".join(f"{name} {share:.0%}" for name, share in self.ranking.items())))
        rows += [("note", note) for note in self.notes]
        for name, values in self.runs.items():
            if len(values["runs"]) > 1:
                spread = values["standard_deviation"]
                rows.append((name, f"{values['mean']:.4f} ± {spread:.4f} over {len(values['runs'])} runs"))
        return rows


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def sentence(one: Difference) -> str:
    """A difference in one line: ``0.8123 -> 0.8301: +0.0178 [+0.0092, +0.0260] better``."""
    if one.first is None or one.other is None or one.interval is None:
        return "not defined"
    interval = f"[{one.interval.low:+.4f}, {one.interval.high:+.4f}]"
    return f"{one.first:.4f} -> {one.other:.4f}: {one.difference:+.4f} {interval} {one.verdict}"
