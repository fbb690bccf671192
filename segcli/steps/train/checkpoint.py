"""Checkpoints: folders that appear whole, hold all that a resumed training needs, and say what their weights mean.

```
<output>/iter_<N>/    model.pdparams  model.pdopt  model.pdstates  model_card.json  [ema.pdparams]
<output>/best_model/  model.pdparams  model_card.json
```
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from segcli.data.files import recover_folder, replace_folder, write_json_atomic
from segcli.engine import Network
from segcli.errors import WeightsError
from segcli.models.card import ModelCard
from segcli.steps.train.precision import Precision
from segcli.steps.train.state import Callback, TrainState
from segcli.weights.files import read_weights, write_pdparams
from segcli.weights.safe_pickle import read_paddle_object

STATES_FILE = "model.pdstates"
OPTIMIZER_FILE = "model.pdopt"
EMA_FILE = "ema.pdparams"
STATES_VERSION = 1


def network_arrays(network: Network) -> dict[str, np.ndarray[Any, Any]]:
    """Parameters and buffers by name."""
    return {name: np.asarray(tensor.numpy()) for name, tensor in network.state_dict().items()}


@dataclass
class CheckpointWriter(Callback):
    """Writes a checkpoint after each evaluation, and the best weights when the score rose.

    It must be the last of the callbacks, so that it keeps what the others decided at the same iteration.

    Attributes:
        output: Folder of the run.
        card: What the weights mean; score and iteration are filled in at each write.
        weight_file: Name of the weights, as PaddleX names them for the task.
        precision: Holds the loss scale.
        others: Callbacks whose state belongs to the checkpoint.
        average: Moving average of the network, which is then what is evaluated and kept as the best.
        keep: How many recent checkpoints stay.
    """

    output: Path
    card: ModelCard
    weight_file: str
    precision: Precision
    others: Sequence[Callback] = ()
    average: Network | None = None
    keep: int = 1

    def on_start(self, state: TrainState) -> None:
        """Clears what a killed run left half-written."""
        recover_folder(self.output / "best_model")
        for leftover in self.output.glob(".writing-*"):
            shutil.rmtree(leftover, ignore_errors=True)

    def on_evaluation(self, state: TrainState) -> None:
        """Writes the checkpoint of this iteration, then the best weights, then removes what is too old."""
        card = self._card(state)
        self._write(self.output / f"iter_{state.iteration}", state, card)
        if state.is_best:
            self._write_best(state, card)
        for old in checkpoints(self.output)[: -self.keep]:
            shutil.rmtree(old)

    def _card(self, state: TrainState) -> ModelCard:
        evaluation = state.evaluation
        score = {} if evaluation is None else {state.session.score_name: evaluation.score}
        return replace(self.card, iteration=state.iteration, score=score)

    def _write(self, target: Path, state: TrainState, card: ModelCard) -> None:
        import paddle

        fresh = self._fresh_folder()
        network = state.session.network
        write_pdparams(fresh / self.weight_file, network_arrays(network))
        if self.average is not None:
            write_pdparams(fresh / EMA_FILE, network_arrays(self.average))
        paddle.save(state.session.optimizer.state_dict(), str(fresh / OPTIMIZER_FILE))
        write_json_atomic(fresh / STATES_FILE, self._states(state))
        card.save(fresh)
        replace_folder(fresh, target)

    def _write_best(self, state: TrainState, card: ModelCard) -> None:
        fresh = self._fresh_folder()
        network = state.session.network if self.average is None else self.average
        write_pdparams(fresh / self.weight_file, network_arrays(network))
        card.save(fresh)
        replace_folder(fresh, self.output / "best_model")

    def _fresh_folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix=".writing-", dir=self.output))
        folder.chmod(0o755)
        return folder

    def _states(self, state: TrainState) -> dict[str, Any]:
        return {
            "states_version": STATES_VERSION,
            "iteration": state.iteration,
            "best_score": state.best_score,
            "best_iteration": state.best_iteration,
            "precision": self.precision.state_dict(),
            "callbacks": {type(callback).__name__: callback.state_dict() for callback in self.others},
        }


def checkpoints(output: Path) -> list[Path]:
    """The checkpoint folders of a run, oldest first."""
    numbered = [
        (int(match[1]), path) for path in output.glob("iter_*") if (match := re.fullmatch(r"iter_(\d+)", path.name))
    ]
    return [path for _, path in sorted(numbered)]


def find_checkpoint(resume_path: str, output: Path) -> Path:
    """The folder to resume from.

    Args:
        resume_path: A checkpoint folder, a file in it, or ``last``: the newest checkpoint of `output`.
        output: Folder of the run.

    Raises:
        WeightsError: There is none, or it is not a whole checkpoint.
    """
    if resume_path == "last":
        found = checkpoints(output)
        if not found:
            raise WeightsError("there is no checkpoint to resume from", path=output, hint="start without resuming")
        return found[-1]
    path = Path(resume_path)
    folder = path if path.is_dir() else path.parent
    missing = [name for name in (STATES_FILE, OPTIMIZER_FILE) if not (folder / name).is_file()]
    if missing:
        known = ", ".join(str(path) for path in checkpoints(output)) or "none"
        raise WeightsError(
            f"this is not a checkpoint to resume from: {' and '.join(missing)} not there",
            path=folder,
            hint=f"give an iter_<N> folder (in {output}: {known}), or `last`",
        )
    return folder


def restore(
    folder: Path,
    state: TrainState,
    *,
    precision: Precision,
    others: Sequence[Callback],
    average: Network | None,
    weight_file: str,
) -> None:
    """Puts network, optimizer, schedule, moving average, loss scale, callbacks and counters back as they were.

    Raises:
        WeightsError: The checkpoint is of another network, or damaged.
    """
    _load_network(folder / weight_file, state.session.network)
    if average is not None and (folder / EMA_FILE).is_file():
        _load_network(folder / EMA_FILE, average)
    try:
        values: Mapping[str, Any] = json.loads((folder / STATES_FILE).read_text(encoding="utf-8"))
        state.iteration = int(values["iteration"])
        state.best_score = values["best_score"]
        state.best_iteration = int(values["best_iteration"])
        precision.load_state_dict(values["precision"])
        for callback in others:
            callback.load_state_dict(values["callbacks"].get(type(callback).__name__, {}))
        state.session.optimizer.set_state_dict(_optimizer_state(folder / OPTIMIZER_FILE))
    except (ValueError, KeyError, TypeError, AssertionError) as fault:
        raise WeightsError(f"this checkpoint cannot be resumed: {fault}", path=folder) from fault


def _optimizer_state(path: Path) -> dict[str, Any]:
    import paddle

    values = read_paddle_object(path)
    return {name: paddle.to_tensor(value) if isinstance(value, np.ndarray) else value for name, value in values.items()}


def _load_network(path: Path, network: Network) -> None:
    arrays = read_weights(path)
    own = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    wrong = sorted(set(own) ^ set(arrays)) + [
        name for name in own if name in arrays and own[name] != arrays[name].shape
    ]
    if wrong:
        shown = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise WeightsError(
            f"these weights are of another network: {shown}",
            path=path,
            hint="resume with the configuration that the checkpoint was trained with",
        )
    network.set_state_dict(arrays)
