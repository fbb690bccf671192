"""What a training returns and writes into `train_result.json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from segcli.signals import Stopped, name_of
from segcli.weights.run_weights import resume_hint


@dataclass(frozen=True)
class TrainResult:
    """The outcome of a training. Paths can be typed as they are; in the result file they are relative to its folder.

    Attributes:
        model_name: The model.
        class_names: Names in order of their ids.
        config: File of the resolved configuration.
        train_log: File of the log.
        history: File with one JSON line per event.
        curves: Image file of loss, learning rate and score.
        score_name: Name of the score.
        best_score: Best score on the validation split; None if none was defined.
        best_iteration: Iteration of that score.
        iterations: Iterations done.
        stop_reason: Why the training ended early; None if it did not.
        plan: Reason for each choice of the plan, by key; empty without a plan.
        models: Checkpoints as in PaddleX: ``best``, ``last_1`` (the newest), ``last_2``, ...
        recipe: Value used and its origin, by key of the configuration.
    """

    model_name: str
    class_names: tuple[str, ...]
    config: str
    train_log: str
    history: str
    curves: str
    score_name: str
    best_score: float | None
    best_iteration: int
    iterations: int
    stop_reason: str | None
    models: dict[str, dict[str, Any]]
    plan: dict[str, str] = field(default_factory=dict)
    recipe: dict[str, dict[str, Any]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values under PaddleX's keys and additional ones."""
        return {**asdict(self), "class_names": list(self.class_names)}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> TrainResult:
        """The result with these plain values; inverse of `as_dict`."""
        return TrainResult(**{**values, "class_names": tuple(values["class_names"])})

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        best = (
            "not measured" if self.best_score is None else f"{self.best_score:.4f} at iteration {self.best_iteration}"
        )
        rows = [
            ("model", self.model_name),
            (f"best {self.score_name}", best),
            ("iterations", str(self.iterations)),
            ("weights", self.models.get("best", {}).get("pdparams", "-")),
        ]
        if "inference_config" in self.models.get("best", {}):
            rows.append(("exported", self.models["best"]["inference_config"]))
        rows.append(("curves", self.curves))
        if self.stop_reason:
            rows.append(("stopped early", self.stop_reason))
        return rows


def stopped_training(number: int, result: TrainResult | None, output: Path) -> Stopped:
    """The exception for a training ended by a signal: what is kept, and how to resume.

    Args:
        number: Number of the signal.
        result: The result so far; None before the first iteration.
        output: Folder of the run.
    """
    who = f"stopped by {name_of(number)}"
    if result is None:
        return Stopped(number, f"{who} before the first iteration")
    reason = f"{who} at iteration {result.iterations}"
    details = replace(result, stop_reason=reason).as_dict()
    newest = result.models.get("last_1")
    if newest is None:
        return Stopped(number, f"{reason}; no checkpoint had been written yet", details=details)
    kept = f"{reason}; {Path(newest['pdparams']).parent} is kept"
    return Stopped(number, kept, hint=resume_hint(output), details=details)
