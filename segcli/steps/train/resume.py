"""Finds the checkpoint to resume from, and restores the training from it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from segcli.engine import Network, TrainingSession
from segcli.errors import WeightsError
from segcli.models.card import ModelCard
from segcli.plurals import listed
from segcli.steps.train.checkpoint import EMA_FILE, OPTIMIZER_FILE, network_arrays
from segcli.steps.train.precision import Precision
from segcli.steps.train.state import Callback, TrainState
from segcli.steps.train.states import STATES_FILE, States
from segcli.weights.checksums import CHECKSUMS_FILE, damage_in
from segcli.weights.class_match import require_same_classes
from segcli.weights.files import read_weights
from segcli.weights.run_weights import checkpoints
from segcli.weights.safe_pickle import read_paddle_object

NEWEST = "last"
_NEEDED = (STATES_FILE, OPTIMIZER_FILE, CHECKSUMS_FILE)
_SCHEDULE = "LR_Scheduler"
"""Key of the schedule in the state of Paddle's optimizers."""

log = logging.getLogger("segcli.train")


def find_checkpoint(resume_path: str, output: Path) -> Path:
    """The folder to resume from.

    Args:
        resume_path: A checkpoint folder, a file in it, or ``last``: the newest undamaged checkpoint of `output`.
        output: Folder of the run.

    Raises:
        WeightsError: There is none, or it is incomplete or damaged.
    """
    return _newest_whole(output) if resume_path == NEWEST else _named(Path(resume_path), output)


def _newest_whole(output: Path) -> Path:
    found = checkpoints(output)
    if not found:
        raise WeightsError("there is no checkpoint to resume from", path=output, hint="train without --resume")
    for folder in reversed(found):
        damage = damage_in(folder)
        if damage is None:
            return folder
        log.warning("%s is damaged and skipped: %s", folder, damage)
    raise WeightsError(
        "every checkpoint here is damaged", path=output, hint="train without --resume; best_model may still be usable"
    )


def _named(path: Path, output: Path) -> Path:
    folder = path if path.is_dir() else path.parent
    others = ", ".join(str(one) for one in checkpoints(output) if damage_in(one) is None) or "none"
    hint = f"give an iter_<N> folder (in {output}: {others}), or `{NEWEST}`"
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if missing:
        raise WeightsError(
            f"this is not a checkpoint to resume from: {' and '.join(missing)} missing", path=folder, hint=hint
        )
    damage = damage_in(folder)
    if damage is not None:
        raise WeightsError(f"this checkpoint is damaged: {damage}", path=folder, hint=hint)
    return folder


def restore(
    folder: Path,
    state: TrainState,
    *,
    precision: Precision,
    others: Sequence[Callback],
    average: Network | None,
    weight_file: str,
    card: ModelCard,
) -> None:
    """Restores network, optimizer, schedule, moving average, loss scale, callbacks and counters.

    Changes of the configuration since then are logged: length, learning rate, moving average, precision.

    Args:
        folder: The checkpoint.
        state: The new training, changed in place.
        precision: Its loss scale is restored.
        others: Callbacks whose state is restored.
        average: The moving average; starts from the network's weights if the checkpoint has none.
        weight_file: File name of the weights.
        card: Model card of this training.

    Raises:
        WeightsError: The checkpoint is damaged, or has another network, other classes or other validation images.
    """
    values = States.read(folder)
    _require_same_training(folder, values, state.session, card, weight_file)
    _log_changed_batches(ModelCard.beside(folder / weight_file), card, values.iteration, state.session)
    _load_network(folder / weight_file, state.session.network)
    if average is not None:
        _restore_average(folder, average, state.session.network)
    elif (folder / EMA_FILE).is_file():
        log.info("the checkpoint's moving average is not used: averaging is switched off")
    with _errors_in(folder / OPTIMIZER_FILE):
        _restore_optimizer(folder, values, state.session)
    with _errors_in(folder / STATES_FILE, "precision"):
        _restore_precision(values.precision, precision)
    for callback in others:
        name = type(callback).__name__
        with _errors_in(folder / STATES_FILE, f"callbacks.{name}"):
            callback.load_state_dict(values.callbacks.get(name, {}))
    state.iteration = values.iteration
    state.best_score = values.best_score
    state.best_iteration = values.best_iteration
    state.evaluation_pending = values.evaluation_pending


@contextmanager
def _errors_in(path: Path, entry: str | None = None) -> Iterator[None]:
    """Turns an error inside the block into a `WeightsError` that names the file, or the entry in it."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError, RuntimeError) as fault:
        where = f"{entry} is invalid: " if entry else ""
        raise WeightsError(
            f"this checkpoint cannot be resumed: {where}{type(fault).__name__} {fault}", path=path
        ) from fault


def _require_same_training(
    folder: Path, values: States, session: TrainingSession, card: ModelCard, weight_file: str
) -> None:
    """Refuses a checkpoint of another model, of other classes or of other validation images.

    Raises:
        WeightsError: It is one.
    """
    found = ModelCard.beside(folder / weight_file)
    if found is not None and found.model_name != card.model_name:
        raise WeightsError(
            f"holds {found.model_name}, not {card.model_name}", path=folder, hint=f"resume {found.model_name}"
        )
    require_same_classes(
        values.class_names,
        card.class_names,
        folder,
        hint="resume with the dataset it was trained on, or begin a new training (Train.pretrain_weight_path) from it",
    )
    for part, now in session.data.items():
        then = values.data.get(part)
        if then is None or then == now:
            continue
        change = f"the {part} split has changed: {then.samples} images then, {now.samples} now"
        if then.samples == now.samples:
            change = f"the {part} split has changed: its {now.samples} images, their labels or their order differ"
        if part != "train":
            raise WeightsError(
                f"{change}; scores before and after would not be comparable",
                path=folder,
                hint="resume with the original lists of images, or begin a new training from these weights "
                f"(-o Train.pretrain_weight_path={folder / weight_file})",
            )
        log.warning("%s: %s", folder, change)


def _restore_average(folder: Path, average: Network, network: Network) -> None:
    if (folder / EMA_FILE).is_file():
        _load_network(folder / EMA_FILE, average)
        return
    average.set_state_dict(network_arrays(network))
    log.info("the checkpoint has no moving average: it starts from the restored weights")


def _restore_precision(kept: Mapping[str, Any], precision: Precision) -> None:
    has_scale = bool(precision.state_dict())
    if kept and has_scale:
        precision.load_state_dict(kept)
    elif has_scale:
        log.info("mixed precision is now switched on, the loss scale starts at its default")
    elif kept:
        log.info("mixed precision is now switched off, the training continues in float32")


def _restore_optimizer(folder: Path, values: States, session: TrainingSession) -> None:
    """Restores the moments; the schedule is that of the current configuration, advanced to the iteration.

    An unchanged schedule yields exactly the same learning rate.
    """
    import paddle

    kept = read_paddle_object(folder / OPTIMIZER_FILE)
    tensors = {
        name: paddle.to_tensor(value) if isinstance(value, np.ndarray) else value for name, value in kept.items()
    }
    schedule: Any = getattr(session.optimizer, "_learning_rate", None)
    then = tensors.pop(_SCHEDULE, {})
    _require_own_moments(tensors, session)
    if hasattr(schedule, "step"):
        for _ in range(values.iteration):
            schedule.step()
        tensors[_SCHEDULE] = schedule.state_dict()
    session.optimizer.set_state_dict(tensors)
    _log_changed_schedule(values, session, then.get("last_lr"))


def _require_own_moments(tensors: Mapping[str, Any], session: TrainingSession) -> None:
    """Refuses moments of unknown parameters, which Paddle would ignore silently.

    Raises:
        ValueError: The file holds moments of other parameters.
    """
    own = {parameter.name for parameter in session.network.parameters()}
    strange = [
        name
        for name, value in tensors.items()
        if hasattr(value, "shape") and not any(name[: cut.start()] in own for cut in re.finditer("_", name))
    ]
    if strange:
        raise ValueError(f"holds moments of other parameters: {listed(strange)}")


def _log_changed_batches(then: ModelCard | None, now: ModelCard, iteration: int, session: TrainingSession) -> None:
    """Logs a changed number of images per iteration: it changes which images each iteration uses."""
    before, after = (None if card is None else _images_per_step(card) for card in (then, now))
    if before is None or before == after:
        return
    log.info(
        "an iteration uses %s images per process, the checkpoint's used %s: an epoch now has %d iterations, "
        "iteration %d is in epoch %d, and the order of the images changes from there on",
        after,
        before,
        session.iterations_per_epoch,
        iteration + 1,
        iteration // session.iterations_per_epoch + 1,
    )


def _images_per_step(card: ModelCard) -> int | None:
    """Images per iteration and process; None if the card does not say."""
    settings = card.config.get("Train", {})
    batch_size = settings.get("batch_size")
    return None if batch_size is None else int(batch_size) * int(settings.get("accumulate", 1))


def _log_changed_schedule(values: States, session: TrainingSession, rate_then: float | None) -> None:
    rate, total = float(session.optimizer.get_lr()), session.total_iterations
    if total != values.total_iterations:
        log.info("the training has %d iterations, the checkpoint's had %d", total, values.total_iterations)
    if rate_then is not None and rate != rate_then and values.iteration < total:
        log.info(
            "the learning rate follows the schedule of this configuration: iteration %d has %g, in the "
            "checkpoint's schedule it had %g",
            values.iteration + 1,
            rate,
            rate_then,
        )


def _load_network(path: Path, network: Network) -> None:
    arrays = read_weights(path)
    own = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    wrong = sorted(set(own) ^ set(arrays)) + [
        name for name in own if name in arrays and own[name] != arrays[name].shape
    ]
    if wrong:
        raise WeightsError(
            f"these weights are of another network: {listed(wrong)}",
            path=path,
            hint="resume with the configuration that the checkpoint was trained with",
        )
    network.set_state_dict(arrays)
