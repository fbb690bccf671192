"""k-fold cross-validation: one training per fold, each in its own folder, and mean and spread of their scores."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.config.portable import portable_values
from segcli.config.schema import Config
from segcli.config.show import as_yaml
from segcli.data.files import write_text_atomic
from segcli.data.json_text import read_json
from segcli.results import begin_result, end_result, write_result
from segcli.signals import Stopped
from segcli.steps.train.planning import is_planned, planned
from segcli.steps.train.result import TrainResult
from segcli.steps.train.run_folder import CONFIG_FILE
from segcli.weights.run_weights import checkpoints, resume_hint

log = logging.getLogger("segcli.train")

_ORIGIN = "--folds"


@dataclass(frozen=True)
class FoldsResult:
    """The outcome of all folds.

    Attributes:
        model_name: The model.
        score_name: Name of the score.
        folds: The result of each training, in order.
    """

    model_name: str
    score_name: str
    folds: tuple[TrainResult, ...]

    @property
    def scores(self) -> list[float]:
        """Best score of each fold that has one."""
        return [one.best_score for one in self.folds if one.best_score is not None]

    @property
    def mean(self) -> float | None:
        """Mean of the scores; None if there are none."""
        return math.fsum(self.scores) / len(self.scores) if self.scores else None

    @property
    def spread(self) -> float | None:
        """Standard deviation of the scores (n - 1); None if there are fewer than two."""
        mean, scores = self.mean, self.scores
        if mean is None or len(scores) < 2:
            return None
        return math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / (len(scores) - 1))

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "model_name": self.model_name,
            "score_name": self.score_name,
            "mean_score": self.mean,
            "score_spread": self.spread,
            "folds": [one.as_dict() for one in self.folds],
        }

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        rows = [("model", self.model_name)]
        for number, one in enumerate(self.folds, start=1):
            score = "not measured" if one.best_score is None else f"{one.best_score:.4f}"
            rows.append((f"fold {number}", f"{score}  {Path(one.config).parent}"))
        if self.mean is not None:
            spread = "" if self.spread is None else f" ± {self.spread:.4f} (standard deviation)"
            rows.append((f"mean {self.score_name}", f"{self.mean:.4f}{spread}"))
        return rows


def train_folds(config: Config, train_one: Callable[[Config], TrainResult]) -> FoldsResult:
    """Trains each fold of `Train.folds` into `<output>/fold_<N>`.

    With `Train.resume_path`, finished folds are kept and a stopped one is resumed.

    Args:
        config: Shared by all folds; the plan is made once.
        train_one: Trains the fold of a configuration.
    """
    output, count = Path(config.Global.output), config.Train.folds or 0
    goes_on = config.Train.resume_path is not None
    if is_planned(config):
        config, _ = planned(config.replaced({"Train.fold": 1}, _ORIGIN))
        config = config.replaced({"Train.fold": None}, _ORIGIN)
    if not goes_on:
        kept = config.replaced({"Train.resume_path": None}, _ORIGIN)
        write_text_atomic(output / CONFIG_FILE, as_yaml(kept, portable_values(kept)))
    begin_result(output, "train")
    try:
        found = [_train_fold(config, number, train_one, goes_on=goes_on) for number in range(1, count + 1)]
    finally:
        end_result(output, "train")
    return FoldsResult(found[0].model_name, found[0].score_name, tuple(found))


def _train_fold(
    config: Config, number: int, train_one: Callable[[Config], TrainResult], *, goes_on: bool
) -> TrainResult:
    output, count = Path(config.Global.output), config.Train.folds
    folder = output / f"fold_{number}"
    done = _ended(folder) if goes_on else None
    if done is not None:
        log.info("fold %d of %d is already trained: %s", number, count, folder)
        return done
    log.info("fold %d of %d: %s", number, count, folder)
    resumed = "last" if goes_on and checkpoints(folder) else None
    values = {"Global.output": str(folder), "Train.fold": number, "Train.resume_path": resumed}
    try:
        result = train_one(config.replaced(values, _ORIGIN))
    except Stopped as stop:
        message = f"fold {number} of {count} was {stop.message}"
        raise Stopped(stop.number, message, hint=resume_hint(output), details=stop.details) from None
    write_result(folder, "train", result.as_dict(), done=True)
    return result


def _ended(folder: Path) -> TrainResult | None:
    """The result of a finished fold, with paths relative to the working directory; None if it is not finished."""
    try:
        values = read_json(folder / "train_result.json")
    except (OSError, ValueError):
        return None
    if not isinstance(values, dict) or not values.pop("done_flag", False):
        return None
    known = {key: _typed(values[key], folder) for key in TrainResult.__dataclass_fields__ if key in values}
    return TrainResult.from_dict(known)


def _typed(value: Any, folder: Path) -> Any:
    """Replaces paths relative to `folder` by paths that a user can type."""
    if isinstance(value, dict):
        return {key: _typed(inner, folder) for key, inner in value.items()}
    return str(folder / value) if isinstance(value, str) and value and (folder / value).exists() else value
