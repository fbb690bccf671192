"""`train`: from a configuration to checkpoints, curves and the best weights."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from signal import SIGINT
from typing import Any

from segcli import progress
from segcli.config.keys import leaves
from segcli.config.portable import portable_values
from segcli.config.recipe import with_recipe
from segcli.config.schema import Config, EmaConfig
from segcli.config.show import as_yaml, used_recipe
from segcli.config.tree import value_at
from segcli.cpu import without_views
from segcli.data.files import write_text_atomic
from segcli.data.fingerprint.images import numbers_of
from segcli.data.lock import locked
from segcli.device import select_device
from segcli.engine import Network, TrainingSession
from segcli.models.card import ModelCard
from segcli.models.spec import HalfPrecision, ModelSpec
from segcli.models.table import get_spec
from segcli.processes import is_first, rank, world_size
from segcli.results import begin_result, end_result
from segcli.signals import Stopped
from segcli.steps.train import launch, run_folder
from segcli.steps.train.average import DEFAULT_DECAY, WeightAverage
from segcli.steps.train.checkpoint import OPTIMIZER_FILE, CheckpointWriter
from segcli.steps.train.early_stop import EarlyStop
from segcli.steps.train.folds import FoldsResult, train_folds
from segcli.steps.train.history import HISTORY_FILE, CurveWriter, HistoryWriter
from segcli.steps.train.loggers import RunLoggers
from segcli.steps.train.loop import run
from segcli.steps.train.planning import is_planned, planned, value_of
from segcli.steps.train.precision import FullPrecision, MixedPrecision, Precision
from segcli.steps.train.result import TrainResult, stopped_training
from segcli.steps.train.resume import find_checkpoint, restore
from segcli.steps.train.run_folder import CONFIG_FILE, CURVES_FILE, LOCK_FILE, LOG_FILE
from segcli.steps.train.run_log import run_log
from segcli.steps.train.starting import licence_at_start, warn_of_moved_classes, with_start
from segcli.steps.train.state import Callback, TrainState
from segcli.steps.train.states import STATES_FILE
from segcli.steps.train.stop_request import asked_to_stop
from segcli.steps.train.terminal import TerminalProgress
from segcli.tasks import TASKS, TaskParts, engine_of
from segcli.version import __version__
from segcli.weights.bands import widened
from segcli.weights.loading import load_into
from segcli.weights.official import resolve_weights
from segcli.weights.reading import read_weights_of
from segcli.weights.run_weights import BEST, checkpoints

_FAR_RATE = 10

log = logging.getLogger("segcli.train")


def train(config: Config) -> TrainResult | FoldsResult:
    """Trains the model of `config` on its dataset, or each fold of it (`Train.folds`).

    Training on several devices or machines (`Global.device=gpu:0,1`, `Train.dist_ips`) starts one process per device.

    Returns:
        Paths of the written files and the best score, with `Train.folds` those of each fold.

    Raises:
        ConfigError: A part of the recipe cannot be built.
        DatasetError: The dataset cannot be trained on.
        WeightsError: Pretrained weights or the checkpoint to resume from do not fit.
        TrainingError: The loss became NaN, or a process failed.
        BusyError: Another training writes to the same output folder.
        Stopped: A signal ended it; the message names the checkpoint that was kept.
    """
    if config.Train.folds is None or config.Train.fold is not None:
        return _train_once(config)
    with _locked(config):
        return train_folds(config, _train_once)


def _locked(config: Config) -> AbstractContextManager[object]:
    """Locks the output folder for this training."""
    output = Path(config.Global.output)
    output.mkdir(parents=True, exist_ok=True)
    return locked(output / LOCK_FILE, "segcli train", what=f"the output folder {output}")


def _train_once(config: Config) -> TrainResult:
    output = Path(config.Global.output)
    with _locked(config):
        if is_planned(config):
            config, _ = planned(config)
        config = with_start(config)
        try:
            return launch.train_in_processes(config) if launch.is_needed(config) else train_here(config)
        finally:
            end_result(output, "train")


def train_here(config: Config, watching: Sequence[Callback] = ()) -> TrainResult:
    """Trains in this process, which may be one of several; `watching` are callbacks that run after all others."""
    config = with_recipe(config)
    spec = get_spec(config.Global.model)
    parts, output = TASKS[spec.task], Path(config.Global.output)
    select_device(launch.device_of(config), strict=config.Global.strict_device)
    training: _Training | None = None
    try:
        with (
            without_views(spec.trains_without_views),
            run_log(output / LOG_FILE) if is_first() else nullcontext() as begin_log,
        ):
            _log_plan(config)
            warn_of_rate(config, spec)
            session = engine_of(spec.task).open_training(spec, config)
            warn_of_class_count(session, spec, config)
            weights = resolve_weights(config.Train.pretrain_weight_path, spec)
            if weights is not None and config.Train.resume_path is None:
                _load_pretrained(session, spec, weights)
            training = _assemble(session, spec, config, output, weights)
            training.callbacks += watching
            if begin_log is not None:
                _begin(training, config, output, begin_log)
            _run(training, config, output)
            log.info("done after %d iterations", training.state.iteration)
            if world_size() > 1:
                log.info("the weights of this process are %s", launch.digest(session.network))
            exported = _export_best(config, parts, output) if is_first() and config.Train.export_best else None
    except KeyboardInterrupt as stop:
        number = stop.number if isinstance(stop, Stopped) else SIGINT
        result = _result(training.state, spec, parts, config, None) if training and training.has_begun else None
        raise stopped_training(number, result, output) from None
    result = _result(training.state, spec, parts, config, exported)
    return replace(result, plan=config.Train.plan_reasons or {})


def _log_plan(config: Config) -> None:
    for key, reason in (config.Train.plan_reasons or {}).items():
        log.info("plan: %s=%s, as %s", key, value_of(config, key), reason)


@dataclass
class _Training:
    """The pieces of one training, ready to run.

    Attributes:
        resumed: The checkpoint that it resumes from.
        has_begun: Whether the files in the output folder are those of this training.
    """

    state: TrainState
    precision: Precision
    callbacks: list[Callback]
    average: Network | None
    resumed: Path | None
    has_begun: bool = False


def _assemble(
    session: TrainingSession, spec: ModelSpec, config: Config, output: Path, weights: Path | None
) -> _Training:
    """Builds the callbacks, and restores the state if a training is resumed; writes nothing yet."""
    settings, weight_file = config.Train, TASKS[spec.task].weight_file
    launch.join(session, spec.recipe, settings.freeze)
    state = TrainState(session)
    precision: Precision = FullPrecision() if settings.amp == "OFF" else _mixed_precision(spec, config)
    decay = _average_decay(session, settings.ema)
    growth = "threshold" if spec.recipe is None else spec.recipe.ema_growth
    averaging = None if decay is None else WeightAverage(session.network, decay, growth)
    average = averaging.network if averaging else None
    stopping = EarlyStop(settings.early_stop.patience, settings.early_stop.min_delta)
    kept: list[Callback] = [stopping] if settings.early_stop.enable else []
    if is_first():
        loggers = RunLoggers(settings.loggers, output, output.resolve().name, _flat(config))
        kept += [loggers, HistoryWriter(output, settings.log_interval, loggers.event)]
    folder = None if settings.resume_path is None else find_checkpoint(settings.resume_path, output)
    card = ModelCard(
        model_name=spec.name,
        class_names=session.classes.names,
        ignore_index=session.classes.ignore_index,
        preprocess=session.preprocess,
        config=portable_values(config, output="."),
        recipe=used_recipe(config),
        segcli_version=__version__,
        inputs=numbers_of(session.train_images).as_dict() if is_first() and session.train_images else {},
        licence=licence_at_start(spec, weights if folder is None else folder / weight_file),
    )
    if folder is not None:
        restore(
            folder,
            state,
            precision=precision,
            others=kept,
            average=average,
            weight_file=weight_file,
            card=card,
        )
        _log_resumed(folder, state)
    callbacks: list[Callback] = [*([averaging] if averaging else []), *kept]
    if is_first():
        callbacks += [TerminalProgress()] if progress.shown() else []
        callbacks.append(
            CheckpointWriter(output, card, weight_file, precision, kept, average, settings.keep_checkpoints)
        )
        callbacks.append(CurveWriter(output))  # last: a signal may leave no time but for the checkpoint
    return _Training(state, precision, callbacks, average, folder)


def _flat(config: Config) -> dict[str, Any]:
    """The settings that experiment trackers list: `Global` and `Train` by dotted key."""
    plain = config.model_dump(mode="json")
    return {key: value_at(plain, key) for key in leaves() if key.startswith(("Global.", "Train."))}


def _log_resumed(folder: Path, state: TrainState) -> None:
    goal = state.total_iterations
    if state.iteration < goal:
        log.info("resumed from %s at iteration %d of %d", folder, state.iteration, goal)
    else:
        beyond = (
            "already at the goal"
            if state.iteration == goal
            else f"already at iteration {state.iteration}, beyond the goal"
        )
        log.info("resumed from %s: %s of %d iterations, nothing is left to train", folder, beyond, goal)


def _begin(training: _Training, config: Config, output: Path, begin_log: Callable[[bool], None]) -> None:
    """Prepares the output folder for this run and writes its first files."""
    run_folder.claim(output, training.resumed)
    begin_log(training.resumed is not None)
    training.has_begun = True
    write_text_atomic(output / CONFIG_FILE, as_yaml(config, portable_values(config)))
    begin_result(output, "train")
    _keep_best_on_disk(training.state, output)


def _keep_best_on_disk(state: TrainState, output: Path) -> None:
    """Sets the best score to that of the best weights on disk: the checkpoint may be older, or they may be missing."""
    best = run_folder.best_in(output)
    if best is None:
        state.best_score, state.best_iteration = None, 0
    elif best.iteration != state.best_iteration and state.session.score_name in best.score:
        state.best_score, state.best_iteration = best.score[state.session.score_name], best.iteration


def _average_decay(session: TrainingSession, wanted: EmaConfig) -> float | None:
    """Decay of the moving average: the configured one, else the recipe's; None for no average."""
    enabled = session.ema_decay is not None if wanted.enable is None else wanted.enable
    if not enabled:
        return None
    decay = wanted.decay or session.ema_decay or DEFAULT_DECAY
    by = "the model's recipe; Train.ema.enable=False switches it off" if wanted.enable is None else "Train.ema"
    log.info("a moving average of the weights (decay %g) is evaluated and saved, set by %s", decay, by)
    return decay


def _run(training: _Training, config: Config, output: Path) -> None:
    import paddle

    try:
        run(
            training.state,
            training.precision,
            training.callbacks,
            seed=config.Global.seed,
            rank=rank(),
            world_size=world_size(),
            evaluated=training.average,
            read_interval=1 if paddle.get_device() == "cpu" else config.Train.log_interval,
            checkpoint_minutes=config.Train.checkpoint_minutes,
            asked_elsewhere=partial(asked_to_stop, output) if launch.is_worker() else lambda: None,
        )
    finally:
        for callback in training.callbacks:
            if isinstance(callback, TerminalProgress | RunLoggers):
                callback.close()


def _mixed_precision(spec: ModelSpec, config: Config) -> Precision:
    import paddle

    if paddle.get_device() == "cpu":
        log.warning("Train.amp=%s has no effect on the CPU; training in float32", config.Train.amp)
        return FullPrecision()
    return MixedPrecision(spec.recipe.half_precision if spec.recipe else HalfPrecision())


def warn_of_rate(config: Config, spec: ModelSpec) -> None:
    """Warns if the learning rate is far from the recipe's, such as PaddleX's 0.01 for networks trained with AdamW."""
    given, recipe = config.Train.learning_rate, spec.recipe
    is_judged = config.is_given("Train.learning_rate") and not config.is_given("Train.optimizer")
    if given is None or recipe is None or not is_judged:
        return
    times = given / recipe.learning_rate
    if not 1 / _FAR_RATE <= times <= _FAR_RATE:
        log.warning(
            "Train.learning_rate=%g is %.3g times the %g of %s's recipe, and the model may not learn; "
            "remove Train.learning_rate to use the recipe's",
            given,
            times,
            recipe.learning_rate,
            spec.name,
        )


def warn_of_class_count(session: TrainingSession, spec: ModelSpec, config: Config) -> None:
    """Says that the names in a dataset win over a number of classes, which is often that of another project's file."""
    found = len(session.classes)
    count = config.Train.num_classes if _knows_classes(spec) else None
    if count not in (None, found):
        log.warning("Train.num_classes=%d is not used: the dataset has %d classes", count, found)


def _knows_classes(spec: ModelSpec) -> bool:
    """Whether the network has an output per class."""
    return "num_classes" in spec.task.facts.network_takes


def _load_pretrained(session: TrainingSession, spec: ModelSpec, weights: Path) -> None:
    log.info("pretrained weights: %s", weights)
    if _knows_classes(spec):
        warn_of_moved_classes(weights, session.classes)
    arrays = read_weights_of(spec, weights)
    load_into(session.network, widened(arrays, session.network, session.preprocess.channels))


def _export_best(config: Config, parts: TaskParts, output: Path) -> Path | None:
    from segcli.steps.export.command import export_weights

    weights = output / BEST / parts.weight_file
    if not weights.is_file():
        return None
    log.info("exporting the best weights, and comparing the export with the network")
    return export_weights(weights, output / BEST / "inference", config).folder


def _result(state: TrainState, spec: ModelSpec, parts: TaskParts, config: Config, exported: Path | None) -> TrainResult:
    output = Path(config.Global.output)
    models = {
        f"last_{age}": _checkpoint_files(folder, parts)
        for age, folder in enumerate(reversed(checkpoints(output)), start=1)
    }
    best = output / BEST
    if best.is_dir():
        models["best"] = {"score": state.best_score, **_checkpoint_files(best, parts)}
        if exported is not None:
            models["best"].update(inference_config=str(exported / "inference.yml"))
    return TrainResult(
        model_name=spec.name,
        class_names=state.session.classes.names,
        config=str(output / CONFIG_FILE),
        train_log=str(output / LOG_FILE),
        history=str(output / HISTORY_FILE),
        curves=str(output / CURVES_FILE),
        score_name=state.session.score_name,
        best_score=state.best_score,
        best_iteration=state.best_iteration,
        iterations=state.iteration,
        stop_reason=state.stop_reason,
        models=models,
        recipe=used_recipe(config),
    )


def _checkpoint_files(folder: Path, parts: TaskParts) -> dict[str, object]:
    named = {
        "pdparams": parts.weight_file,
        "pdopt": OPTIMIZER_FILE,
        "pdstates": STATES_FILE,
        "model_card": "model_card.json",
    }
    return {key: str(folder / name) for key, name in named.items() if (folder / name).is_file()}
