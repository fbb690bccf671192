"""`segcli tune`: trainings with settings chosen by Optuna; poor ones are stopped early.

```
<output>/trial_<N>/    the training of each trial; the weights of the best one stay. Empty where it was stopped.
<output>/tune.log      the journal of Optuna, from which a stopped study is resumed
<output>/tuned.yaml    the best settings, to train with
```
"""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT
from typing import Any

from segcli.config.portable import portable_values
from segcli.config.schema import PLANNER, Config
from segcli.config.show import as_yaml
from segcli.data.files import write_text_atomic
from segcli.data.lock import locked
from segcli.errors import MissingPartError, NonFiniteLossError, UsageError
from segcli.plurals import counted
from segcli.results import write_result
from segcli.signals import Stopped, name_of
from segcli.steps.train import launch
from segcli.steps.train.planning import is_planned, planned
from segcli.steps.train.result import TrainResult
from segcli.steps.train.run_folder import LOCK_FILE
from segcli.steps.train.search_space import Dimension
from segcli.steps.train.starting import with_start
from segcli.steps.train.state import Callback, TrainState
from segcli.weights.run_weights import checkpoints

log = logging.getLogger("segcli.train")

STUDY_FILE = "tune.log"
TUNED_FILE = "tuned.yaml"
_NEEDED_FOR_PRUNING = 4
"""Trials that always run to their end: pruning needs some to compare with."""
_FAILED = "broken"
"""Attribute of a trial that an error has ended, or that has no score; no other takes its place."""
TrainOne = Callable[[Config, Sequence[Callback]], TrainResult]


@dataclass(frozen=True)
class TuneResult:
    """The outcome of a study.

    Attributes:
        model_name: The model.
        score_name: Name of the score.
        best_score: Best score of all trials; None where none was defined.
        best_values: Settings of that trial, by key.
        config: File of the configuration with these settings.
        trials: Number, state, score and values of each trial.
    """

    model_name: str
    score_name: str
    best_score: float | None
    best_values: Mapping[str, Any]
    config: str
    trials: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "best_values": dict(self.best_values), "trials": [dict(one) for one in self.trials]}

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        ended = sum(one["state"] == "pruned" for one in self.trials)
        score = "none" if self.best_score is None else f"{self.best_score:.4f}"
        return [
            ("model", self.model_name),
            ("trials", f"{len(self.trials)}, of which {ended} ended early"),
            (f"best {self.score_name}", score),
            *[(key, str(value)) for key, value in self.best_values.items()],
            ("train with it", f"segcli train -c {self.config}"),
        ]


class _Reporter(Callback):
    """Reports each score to Optuna, and ends a trial that is below the median of the others at that iteration."""

    def __init__(self, trial: Any) -> None:
        self._trial = trial
        self.pruned = False

    def on_evaluation(self, state: TrainState) -> None:
        """Reports the score."""
        if state.evaluation is None or state.evaluation.score is None:
            return
        self._trial.report(state.evaluation.score, state.iteration)
        self.pruned = bool(self._trial.should_prune())
        if self.pruned:
            state.stop_reason = "worse than the median of the earlier trials"


def tune(
    config: Config, space: Sequence[Dimension], train_one: TrainOne, *, trials: int, seconds: float | None = None
) -> TuneResult:
    """Searches the settings of a training.

    Args:
        config: Shared by all trials; the plan is made once.
        space: Settings that differ between them.
        train_one: Trains a configuration in this process, with additional callbacks.
        trials: Total number of trials, including those of a stopped study.
        seconds: Time after which no further trial starts; None for no limit.

    Raises:
        MissingPartError: Optuna is not installed.
        UsageError: The space is empty, or the training needs several processes.
        Stopped: A signal ended it; the trials that are over are kept.
    """
    if find_spec("optuna") is None:
        raise MissingPartError(
            "segcli tune needs the package optuna, which is not installed", hint="pip install optuna"
        )
    if not space:
        raise UsageError("nothing is left to search: every key is set", hint="name one with --search KEY=LOW..HIGH")
    if launch.is_needed(config):
        raise UsageError("trials train in one process", hint="name one device")
    output = Path(config.Global.output)
    output.mkdir(parents=True, exist_ok=True)
    with locked(output / LOCK_FILE, "segcli tune", what=f"the output folder {output}"):
        if is_planned(config):
            config, _ = planned(config)
        return _studied(with_start(config), space, train_one, trials, seconds)


def _studied(
    config: Config, space: Sequence[Dimension], train_one: TrainOne, trials: int, seconds: float | None
) -> TuneResult:
    import optuna

    output = Path(config.Global.output)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    _cut_half_line(output / STUDY_FILE)
    journal = optuna.storages.journal.JournalFileBackend(str(output / STUDY_FILE), lock_obj=_HeldLock())
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(journal),
        study_name="segcli",
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=config.Global.seed + _count(output)),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_NEEDED_FOR_PRUNING, n_warmup_steps=1),
    )
    names: dict[str, str] = {}

    def objective(trial: Any) -> float:
        values = {dimension.key: dimension.suggested(trial) for dimension in space}
        folder = output / f"trial_{trial.number}"
        log.info("trial %d of %d: %s", trial.number + 1, trials, _shown(values))
        own = {"Global.output": str(folder), "Train.export_best": False, "Train.keep_checkpoints": 1}
        folder.mkdir(exist_ok=True)
        reporter = _Reporter(trial)
        try:
            result = train_one(config.replaced({**own, **values}, "tune"), [reporter])
        except NonFiniteLossError as fault:
            log.info("trial %d: %s", trial.number + 1, fault.message)
            raise optuna.TrialPruned from fault
        except Exception:
            trial.set_user_attr(_FAILED, True)
            raise
        names.update(model=result.model_name, score=result.score_name)
        write_result(folder, "train", result.as_dict(), done=True)
        _drop_checkpoints(folder)
        if reporter.pruned:
            raise optuna.TrialPruned
        if result.best_score is None or math.isnan(result.best_score):
            trial.set_user_attr(_FAILED, True)
            return math.nan
        return result.best_score

    for one in study.trials:
        if not _counts(one):
            _empty(output / f"trial_{one.number}")
    left = trials - sum(map(_counts, study.trials))
    try:
        if left > 0:
            study.optimize(objective, n_trials=left, timeout=seconds)
    except KeyboardInterrupt as stop:
        number, over = stop.number if isinstance(stop, Stopped) else SIGINT, _listed(study)
        who = f"stopped by {name_of(number)} after {len(over)} of {counted(trials, 'trial')}"
        raise Stopped(number, who, hint="the same command goes on from there", details={"trials": over}) from None
    return _result(study, config, space, names)


class _HeldLock:
    """Optuna's lock on the journal: the lock on the output folder is held already, and is opened by any death."""

    def acquire(self) -> bool:
        """Does nothing."""
        return True

    def release(self) -> None:
        """Does nothing."""


def _cut_half_line(journal: Path) -> None:
    """Takes away what a death or a full disk left of a line: Optuna would append the next one to it."""
    if not journal.is_file():
        return
    with journal.open("r+b") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            file.truncate(whole)


def _counts(trial: Any) -> bool:
    """Whether a trial is over; one that was stopped or killed is not, and another takes its place."""
    from optuna.trial import TrialState

    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED) or _FAILED in trial.user_attrs


def _listed(study: Any) -> list[dict[str, Any]]:
    """Number, state, score and values of each trial that is over."""
    return [
        {"number": one.number, "state": one.state.name.lower(), "score": one.value, "values": dict(one.params)}
        for one in study.trials
        if _counts(one)
    ]


def _count(output: Path) -> int:
    """Number of trials so far, added to the seed: a resumed study must not draw the same numbers again."""
    return sum(1 for _ in output.glob("trial_*"))


def _result(study: Any, config: Config, space: Sequence[Dimension], names: Mapping[str, str]) -> TuneResult:
    import optuna

    output = Path(config.Global.output)
    done = [one for one in study.trials if one.state == optuna.trial.TrialState.COMPLETE and one.value is not None]
    best = max(done, key=lambda one: one.value, default=None)
    values: dict[str, Any] = {}
    if best is not None:
        fixed = optuna.trial.FixedTrial(best.params)
        values = {dimension.key: dimension.suggested(fixed) for dimension in space if dimension.key in best.params}
        for folder in output.glob("trial_*"):
            if folder.name != f"trial_{best.number}":
                shutil.rmtree(folder / "best_model", ignore_errors=True)
    tuned = config.replaced(values, PLANNER)
    plain = portable_values(tuned)
    plain["Train"]["plan"] = "off"
    target = output / TUNED_FILE
    write_text_atomic(target, as_yaml(tuned, plain))
    return TuneResult(
        model_name=config.Global.model,
        score_name=names.get("score", "score"),
        best_score=None if best is None else float(best.value),
        best_values=values,
        config=str(target),
        trials=_listed(study),
    )


def _empty(folder: Path) -> None:
    """Removes what a trial that was stopped has left; its folder stays, as the number of trials is read from them."""
    if folder.is_dir():
        shutil.rmtree(folder)
        folder.mkdir()


def _drop_checkpoints(folder: Path) -> None:
    for checkpoint in checkpoints(folder):
        shutil.rmtree(checkpoint)


def _shown(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key.removeprefix('Train.')}={f'{value:.4g}' if isinstance(value, float) else value}"
        for key, value in values.items()
    )
