"""Checkpoints: folders written atomically, with all that resuming needs and a model card that describes the weights.

```
<output>/iter_<N>/    model.pdparams  model.pdopt  model.pdstates  model_card.json  [ema.pdparams]  checksums.json
<output>/best_model/  model.pdparams  model_card.json  checksums.json
```
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from segcli.data.files import whole_folder
from segcli.disk import FULL, full_hint
from segcli.engine import Network
from segcli.errors import NonFiniteLossError, TrainingError, WeightsError
from segcli.models.card import ModelCard
from segcli.plurals import listed
from segcli.steps.train.precision import Precision
from segcli.steps.train.state import Callback, TrainState
from segcli.steps.train.states import States
from segcli.weights.checksums import write_checksums
from segcli.weights.files import write_pdparams
from segcli.weights.run_weights import BEST, checkpoints

OPTIMIZER_FILE = "model.pdopt"
EMA_FILE = "ema.pdparams"


def network_arrays(network: Network) -> dict[str, np.ndarray[Any, Any]]:
    """Parameters and buffers by name."""
    return {name: np.asarray(tensor.numpy()) for name, tensor in network.state_dict().items()}


@dataclass
class CheckpointWriter(Callback):
    """Writes a checkpoint after each evaluation and when one is due, and the best weights when the score improves.

    It must be the last callback, so that it saves what the others decided at the same iteration.

    Attributes:
        output: Folder of the run.
        card: Model card of the weights; score and iteration are filled in at each write.
        weight_file: File name of the weights, the one that PaddleX uses for the task.
        precision: Holds the loss scale.
        others: Callbacks whose state is saved in the checkpoint.
        average: Moving average of the network; if given, it is evaluated and saved as the best.
        keep: Number of recent checkpoints to keep.
    """

    output: Path
    card: ModelCard
    weight_file: str
    precision: Precision
    others: Sequence[Callback] = ()
    average: Network | None = None
    keep: int = 1
    _written: tuple[int, bool] | None = field(default=None, init=False)

    def on_evaluation(self, state: TrainState) -> None:
        """Writes the best weights, then the checkpoint of this iteration, then removes old checkpoints.

        If the process is killed between the two, resuming from the older checkpoint reaches the same weights again.
        """
        if state.is_best:
            self._write(self.output / BEST, lambda folder: self._fill_best(folder, state))
        self.on_checkpoint(state)

    def on_checkpoint(self, state: TrainState) -> None:
        """Writes the checkpoint of this iteration, unless it exists, and removes old checkpoints."""
        now = (state.iteration, state.evaluation_pending)
        if now == self._written:
            return
        self._write(self.output / f"iter_{state.iteration}", lambda folder: self._fill(folder, state))
        self._written = now
        for old in checkpoints(self.output)[: -self.keep]:
            shutil.rmtree(old)

    def _write(self, target: Path, fill: Callable[[Path], None]) -> None:
        with _write_errors(target), whole_folder(target) as fresh:
            fill(fresh)
            write_checksums(fresh)

    def _fill(self, folder: Path, state: TrainState) -> None:
        import paddle

        write_pdparams(folder / self.weight_file, _finite_arrays(state.session.network, state))
        if self.average is not None:
            write_pdparams(folder / EMA_FILE, _finite_arrays(self.average, state))
        moments = state.session.optimizer.state_dict()
        _require_finite({name: np.asarray(one) for name, one in moments.items() if hasattr(one, "numpy")}, state)
        paddle.save(moments, str(folder / OPTIMIZER_FILE))
        self._states(state).save(folder)
        self._card(state).save(folder)

    def _fill_best(self, folder: Path, state: TrainState) -> None:
        network = state.session.network if self.average is None else self.average
        write_pdparams(folder / self.weight_file, _finite_arrays(network, state))
        self._card(state).save(folder)

    def _card(self, state: TrainState) -> ModelCard:
        measured = state.evaluated_iteration == state.iteration
        score = state.evaluation.score if measured and state.evaluation is not None else None
        named = {} if score is None else {state.session.score_name: score}
        return replace(self.card, iteration=state.iteration, score=named)

    def _states(self, state: TrainState) -> States:
        return States(
            iteration=state.iteration,
            total_iterations=state.total_iterations,
            best_score=state.best_score,
            best_iteration=state.best_iteration,
            evaluation_pending=state.evaluation_pending,
            class_names=self.card.class_names,
            data=dict(state.session.data),
            precision=self.precision.state_dict(),
            callbacks={type(callback).__name__: callback.state_dict() for callback in self.others},
        )


def _finite_arrays(network: Network, state: TrainState) -> dict[str, np.ndarray[Any, Any]]:
    """Parameters and buffers by name, all finite.

    Raises:
        NonFiniteLossError: One holds NaN or infinity, which the gradient of a finite loss can cause.
    """
    arrays = network_arrays(network)
    _require_finite(arrays, state)
    return arrays


def _require_finite(arrays: Mapping[str, np.ndarray[Any, Any]], state: TrainState) -> None:
    broken = [name for name, array in arrays.items() if array.dtype.kind == "f" and not np.isfinite(array).all()]
    if broken:
        what = f"the weights are no longer finite at iteration {state.iteration} ({listed(broken, 1)})"
        raise NonFiniteLossError(
            f"{what}; they are not saved",
            hint="resume from the last checkpoint with a lower Train.learning_rate or more Train.warmup_steps",
        )


@contextmanager
def _write_errors(target: Path) -> Iterator[None]:
    """Turns an error while `target` is written into a `TrainingError` that names it; earlier checkpoints stay."""
    try:
        yield
    except (OSError, WeightsError) as fault:
        cause = fault if isinstance(fault, OSError) else fault.__cause__
        number = cause.errno if isinstance(cause, OSError) else None
        reason = cause.strerror if isinstance(cause, OSError) else str(fault)
        remedy = full_hint(target.parent) if number in FULL else "check the write permission"
        go_on = "resume" if checkpoints(target.parent) else "type the command again"
        hint = f"{remedy}, then {go_on}"
        raise TrainingError(f"the weights cannot be written ({reason})", path=target, hint=hint) from fault
