"""The whole command `train` on the tiny session of `tiny.py`: all that is written, in a blink."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from segcli.config.load import from_values
from segcli.steps.train import command
from segcli.steps.train.result import TrainResult
from tests.steps.train.tiny import LineSession
from tests.trained_model import MODEL


class LineRuns:
    """Calls `train` with `LineSession` in the place of a network.

    Attributes:
        session: The last session.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._change: Callable[[LineSession], None] = lambda session: None
        monkeypatch.setattr("segcli.report.curves.draw_curves", lambda events, path, score_name: path.touch())
        monkeypatch.setattr(command, "engine_of", lambda task: SimpleNamespace(open_training=self._open))

    def _open(self, spec: object, config: Any) -> LineSession:
        self.session = LineSession(
            config.Train.epochs_iters, config.Train.eval_interval, rate=config.Train.learning_rate
        )
        self._change(self.session)
        return self.session

    def __call__(
        self, output: Path, *, change: Callable[[LineSession], None] = lambda session: None, **settings: Any
    ) -> TrainResult:
        """Trains 8 iterations with an evaluation after each 4.

        Args:
            output: Folder of the run.
            change: Changes the session before it is used.
            settings: Keys of `Train`.
        """
        self._change = change
        values = {"epochs_iters": 8, "eval_interval": 4, "log_interval": 2, "export_best": False, **settings}
        given = {"Global.model": MODEL, "Global.output": str(output), "Global.dataset_dir": str(output / "no-data")}
        return command.train(from_values({**given, **{f"Train.{key}": value for key, value in values.items()}}).config)
