"""The history of a training: `history.jsonl`, the log lines and the curves."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from segcli.data.files import naming, write_text_atomic
from segcli.data.json_text import parse_json
from segcli.data.json_writer import to_json
from segcli.steps.train.state import Callback, TrainState, shown_score

HISTORY_FILE = "history.jsonl"

log = logging.getLogger("segcli.train")

_DRAWING = 0.02
"""Share of the time that drawing the curves may take."""
_MUCH_WAITING = 0.1
"""Share of the time spent waiting for data above which the log mentions it; the history always holds it."""


def read_history(path: Path) -> list[dict[str, Any]]:
    """The events of a `history.jsonl`, in order; reading stops at an incomplete line, as a killed process leaves it."""
    if not path.is_file():
        return []
    events = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            events.append(parse_json(line))
        except ValueError:
            break
    return events


class StepMeter:
    """Means since the last reading: losses, images per second, time left, share of the time spent waiting for data."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._sums: dict[str, float] = {}
        self._unread: list[Mapping[str, float]] = []
        self._steps = 0
        self._images = 0
        self._seconds = 0.0
        self._waited = 0.0

    def add(self, state: TrainState) -> None:
        """Adds one iteration; its losses are read from the device later."""
        self._unread.append(state.losses)
        self._steps += 1
        self._images += state.images
        self._seconds += state.seconds
        self._waited += state.waited

    def read(self, state: TrainState) -> dict[str, Any]:
        """The means as plain values; resets the meter."""
        steps = max(self._steps, 1)
        values = {
            **{name: total / steps for name, total in self._read_sums().items()},
            "lr": state.learning_rate,
            "images_per_second": self._images / self._seconds if self._seconds else 0.0,
            "data_share": round(self._waited / self._seconds, 4) if self._seconds else 0.0,
            "eta_seconds": round(self._seconds / steps * (state.total_iterations - state.iteration), 1),
        }
        self._clear()
        return values

    def state_dict(self) -> dict[str, Any]:
        """The sums since the last reading."""
        return {
            "sums": self._read_sums(),
            "steps": self._steps,
            "images": self._images,
            "seconds": self._seconds,
            "waited": self._waited,
        }

    def load_state_dict(self, values: Mapping[str, Any]) -> None:
        """Restores them."""
        self._sums = dict(values["sums"])
        self._steps = int(values["steps"])
        self._images = int(values["images"])
        self._seconds = float(values["seconds"])
        self._waited = float(values.get("waited", 0.0))

    def _read_sums(self) -> dict[str, float]:
        unread, self._unread = self._unread, []
        for losses in unread:
            for name, value in losses.items():
                self._sums[name] = self._sums.get(name, 0.0) + value
        return dict(self._sums)


class HistoryWriter(Callback):
    """Appends one JSON line per event to `history.jsonl` and writes the same to the log.

    A resumed training drops the events after the iteration of its checkpoint.

    Args:
        output: Folder of the run.
        log_interval: Iterations between two lines.
        tell: Called with the name, the iteration and the values of each event.
    """

    def __init__(
        self,
        output: Path,
        log_interval: int,
        tell: Callable[[str, int, Mapping[str, Any]], None] | None = None,
    ) -> None:
        self._path = output / HISTORY_FILE
        self._tell = tell
        self._log_interval = log_interval
        self._meter = StepMeter()

    def on_start(self, state: TrainState) -> None:
        """Drops the events after the iteration at which the training starts."""
        kept = [event for event in read_history(self._path) if event["iteration"] <= state.iteration]
        if state.evaluation_pending:
            kept = [event for event in kept if (event["event"], event["iteration"]) != ("evaluate", state.iteration)]
        if state.iteration == 0:
            kept = []
        write_text_atomic(self._path, "".join(to_json(event) + "\n" for event in kept))

    def on_step(self, state: TrainState) -> None:
        """Writes the means every `log_interval` iterations."""
        self._meter.add(state)
        if state.iteration % self._log_interval and state.iteration != state.total_iterations:
            return
        values = self._meter.read(state)
        self._append("train", state, values)
        waiting = values["data_share"]
        log.info(
            "iteration %d/%d  loss %.4f  lr %.2g  %.1f images/s  %s left%s",
            state.iteration,
            state.total_iterations,
            values["loss"],
            values["lr"],
            values["images_per_second"],
            timedelta(seconds=round(values["eta_seconds"])),
            f"  {waiting:.0%} waiting for data".replace("%", " %") if waiting >= _MUCH_WAITING else "",
            extra={"step": True},
        )

    def on_evaluation(self, state: TrainState) -> None:
        """Writes the metrics of the evaluation."""
        if state.evaluation is None:
            return
        self._append("evaluate", state, {"score": state.evaluation.score, "metrics": dict(state.evaluation.metrics)})
        log.info(
            "iteration %d  %s %s  (best %s at iteration %d)",
            state.iteration,
            state.session.score_name,
            shown_score(state.evaluation.score),
            shown_score(state.best_score),
            state.best_iteration,
        )

    def state_dict(self) -> dict[str, Any]:
        """The sums that are not written yet, if a checkpoint falls between two lines."""
        return self._meter.state_dict()

    def load_state_dict(self, values: Mapping[str, Any]) -> None:
        """Restores them."""
        if values:
            self._meter.load_state_dict(values)

    def _append(self, event: str, state: TrainState, values: Mapping[str, Any]) -> None:
        line = to_json({"event": event, "iteration": state.iteration, "epoch": state.epoch, **values})
        with naming(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        if self._tell is not None:
            self._tell(event, state.iteration, values)


class CurveWriter(Callback):
    """Draws `curves.png` (loss, learning rate, score) from the history: at the first evaluation, at checkpoints, at the
    end, and in between after evaluations while it takes little of the time."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._is_behind = False
        self._next = 0.0

    def on_evaluation(self, state: TrainState) -> None:
        """Draws the curves so far, if it is time."""
        self._is_behind = True
        if perf_counter() >= self._next:
            self._draw(state)

    def on_checkpoint(self, state: TrainState) -> None:
        """Draws what is not drawn yet: the training may stop here."""
        self._draw(state)

    def on_end(self, state: TrainState) -> None:
        """Draws what is not drawn yet."""
        self._draw(state)

    def _draw(self, state: TrainState) -> None:
        from segcli.report.curves import draw_curves

        if self._is_behind:
            begin = perf_counter()
            history = read_history(self._output / HISTORY_FILE)
            draw_curves(history, self._output / "curves.png", state.session.score_name)
            end = perf_counter()
            self._is_behind, self._next = False, end + (end - begin) / _DRAWING
