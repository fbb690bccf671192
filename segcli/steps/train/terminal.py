"""The progress bar of a training in a terminal."""

from __future__ import annotations

import time
from datetime import timedelta

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from segcli.console import error_console
from segcli.steps.train.state import Callback, TrainState, shown_score

_WIDE = 120
"""Columns of a terminal wide enough to show learning rate and images per second too."""
_LOOK_SECONDS = 1.0
"""Seconds between two reads of the loss; each read waits for the GPU to finish its queued work."""


class TerminalProgress(Callback):
    """One bar: iterations, loss, learning rate, images per second, time left, last and best score."""

    def __init__(self) -> None:
        console = error_console()
        self._is_wide = console.width >= _WIDE
        self._bar = Progress(
            TextColumn("[bold]train"),
            BarColumn(bar_width=24 if self._is_wide else 10),
            MofNCompleteColumn(),
            TextColumn("{task.fields[numbers]}"),
            TextColumn("[green]{task.fields[scores]}"),
            console=console,
        )
        self._rate = 0.0
        self._loss = ""
        self._next_look = 0.0

    def on_start(self, state: TrainState) -> None:
        """Shows the bar."""
        self._task = self._bar.add_task(
            "train", total=state.total_iterations, completed=state.iteration, numbers="", scores=""
        )
        self._bar.start()

    def on_step(self, state: TrainState) -> None:
        """Moves the bar; the speed is a running mean."""
        speed = state.images / max(state.seconds, 1e-9)
        self._rate = speed if not self._rate else 0.9 * self._rate + 0.1 * speed
        left = (state.total_iterations - state.iteration) * state.images / self._rate
        if time.monotonic() >= self._next_look:
            self._loss = f"loss {state.losses['loss']:.4f}"
            self._next_look = time.monotonic() + _LOOK_SECONDS
        numbers = [self._loss, f"{timedelta(seconds=round(left))} left"]
        if self._is_wide:
            numbers[1:1] = [f"lr {state.learning_rate:.2e}", f"{self._rate:.1f} images/s"]
        self._bar.update(self._task, completed=state.iteration, numbers="  ".join(numbers))

    def on_evaluation(self, state: TrainState) -> None:
        """Shows last and best score."""
        if state.evaluation is not None:
            name = state.session.score_name
            self._bar.update(
                self._task,
                scores=f"{name} {shown_score(state.evaluation.score)}  best {shown_score(state.best_score)}",
                refresh=True,
            )

    def on_end(self, state: TrainState) -> None:
        """Leaves the last state of the bar on the screen."""
        self._bar.stop()

    def close(self) -> None:
        """Stops the bar, also when the training failed."""
        self._bar.stop()
