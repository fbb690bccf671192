"""The state of a running training, and the interface of its callbacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from segcli.engine import Evaluation, TrainingSession


def shown_score(score: float | None) -> str:
    """A score as the terminal shows it."""
    return "not defined" if score is None else f"{score:.4f}"


@dataclass
class TrainState:
    """The progress of one training; the loop writes it, callbacks read it.

    Attributes:
        session: What is being trained.
        iteration: Iterations done.
        losses: Losses of the last iteration, by name; read from the device on first access.
        learning_rate: Learning rate of the last iteration.
        images: Number of images of the last iteration, over all processes.
        seconds: Wall time of the last iteration.
        waited: Seconds of these spent waiting for data.
        evaluation: The last evaluation; None before the first.
        evaluated_iteration: Iteration of that evaluation; -1 before the first.
        evaluation_pending: Whether this iteration ends with an evaluation that is not done yet.
        best_score: Best score so far; None until one is defined.
        best_iteration: Iteration of that score.
        stop_reason: Set by a callback to end the training after this iteration.
    """

    session: TrainingSession
    iteration: int = 0
    losses: Mapping[str, float] = field(default_factory=dict)
    learning_rate: float = 0.0
    images: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    evaluation: Evaluation | None = None
    evaluated_iteration: int = -1
    evaluation_pending: bool = False
    best_score: float | None = None
    best_iteration: int = 0
    stop_reason: str | None = None

    @property
    def total_iterations(self) -> int:
        """Iterations of the whole training."""
        return self.session.total_iterations

    @property
    def epoch(self) -> int:
        """Number of the epoch (from 1) of the last iteration."""
        return max(self.iteration - 1, 0) // self.session.iterations_per_epoch + 1

    @property
    def evaluation_due(self) -> bool:
        """Whether this iteration ends with an evaluation."""
        return self.iteration % self.session.eval_interval == 0 or self.iteration == self.total_iterations

    @property
    def is_best(self) -> bool:
        """Whether the last evaluation, made at this iteration, is the best so far."""
        return self.best_iteration == self.iteration == self.evaluated_iteration


class Callback:
    """Base class of callbacks; every hook does nothing unless overridden. Hooks run in the order of the list."""

    def on_start(self, state: TrainState) -> None:
        """Before the first iteration (of this run: `state.iteration` is above 0 after a resume)."""

    def on_step(self, state: TrainState) -> None:
        """After each iteration."""

    def on_evaluation(self, state: TrainState) -> None:
        """After each evaluation, when `state.evaluation` and the best score are set."""

    def on_checkpoint(self, state: TrainState) -> None:
        """Between two iterations, when a checkpoint is due by time or the training is about to stop."""

    def on_end(self, state: TrainState) -> None:
        """After the last iteration, also when a callback stopped the training."""

    def state_dict(self) -> dict[str, Any]:
        """Plain values that a resumed training needs; kept in the checkpoint under the callback's class name."""
        return {}

    def load_state_dict(self, values: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned."""
