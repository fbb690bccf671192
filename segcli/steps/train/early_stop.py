"""Ends a training whose score no longer improves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segcli.steps.train.state import Callback, TrainState


class EarlyStop(Callback):
    """Stops after `patience` evaluations that do not exceed the best score by more than `min_delta`.

    While every score is 0 (such as the AP before the first object is found), evaluations are not counted.
    """

    def __init__(self, patience: int, min_delta: float = 0.0) -> None:
        self._patience = patience
        self._min_delta = min_delta
        self._best: float | None = None
        self._waited = 0

    def on_evaluation(self, state: TrainState) -> None:
        """Counts the evaluation, and sets the stop reason when patience runs out."""
        if state.evaluation is None:
            return
        score = state.evaluation.score
        if score is None:
            return
        if self._best is None or score > self._best + self._min_delta:
            self._best, self._waited = score, 0
            return
        if self._best == 0:
            return
        self._waited += 1
        if self._waited >= self._patience:
            state.stop_reason = (
                f"{state.session.score_name} has not risen above {self._best:.4f} for {self._waited} evaluations"
            )

    def state_dict(self) -> dict[str, Any]:
        """Best score and number of evaluations without improvement."""
        return {"best": self._best, "waited": self._waited}

    def load_state_dict(self, values: Mapping[str, Any]) -> None:
        """Restores them."""
        self._best = values.get("best")
        self._waited = int(values.get("waited", 0))
