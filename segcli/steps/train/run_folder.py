"""A run owns its output folder: an earlier training there is moved aside whole, and never mixes with the new one.

```
<output>/                 the newest run: best_model, iter_<N>, config.yaml, train.log, history.jsonl, ...
<output>/run_<N>/         an earlier one, as it was
```

What check wrote stays where it is, and so does everything that segcli did not write.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from segcli.data.files import recover_folder, whole_folder
from segcli.models.card import CARD_FILE, ModelCard
from segcli.steps.train.checkpoint import BEST, checkpoints, iteration_of
from segcli.steps.train.history import HISTORY_FILE, read_history
from segcli.weights.checksums import damage_in

CONFIG_FILE = "config.yaml"
LOG_FILE = "train.log"
CURVES_FILE = "curves.png"
LOCK_FILE = ".training.lock"
_RESULTS = ("train_result.json", "evaluate_result.json", "export_result.json")
_KEPT = (CONFIG_FILE, LOG_FILE, HISTORY_FILE, CURVES_FILE, *_RESULTS)
_PATTERNS = (
    *_KEPT,
    "iter_*",
    BEST,
    "inference",
    "confusion_matrix.*",
    "tensorboard",
    "mlruns",
    "train_result.json.bak*",
)
"""What belongs to a training, and to what was made of its weights afterwards."""
_HALF_WRITTEN = (".iter_*.*", f".{BEST}.*", ".config.*.yaml", ".history.*.jsonl", ".curves.*.png")

log = logging.getLogger("segcli.train")


def holds_training(output: Path) -> bool:
    """Whether there is something in the folder that was trained."""
    return bool(checkpoints(output)) or (output / BEST).is_dir() or bool(read_history(output / HISTORY_FILE))


def recover(output: Path) -> None:
    """Sets right what a killed run left: a move that was not finished is taken back, half-written files go."""
    for moving in output.glob(".run_*.moving"):
        for path in moving.iterdir():
            if not (output / path.name).exists():
                path.rename(output / path.name)
        shutil.rmtree(moving)
    for outgoing in output.glob(".*.outgoing"):
        recover_folder(output / outgoing.name.removeprefix(".").removesuffix(".outgoing"))
        shutil.rmtree(outgoing, ignore_errors=True)
    for leftover in (path for pattern in _HALF_WRITTEN for path in output.glob(pattern)):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def claim(output: Path, resumed: Path | None) -> None:
    """Makes the folder that of the run which now begins.

    Args:
        output: Folder of the run, which nobody else writes to.
        resumed: The checkpoint that the run goes on from; None begins anew.
    """
    recover(output)
    if resumed is None or not resumed.parent.samefile(output):
        _move_aside(output)
        if resumed is not None:
            _adopt(resumed, output)
    else:
        _set_later_aside(output, iteration_of(resumed) or 0)


def best_in(output: Path) -> ModelCard | None:
    """The card of the best weights; None where there are none."""
    return ModelCard.beside(output / BEST / CARD_FILE)


def _move_aside(output: Path) -> None:
    if not holds_training(output):
        return
    target, moving = _next_run(output)
    for path in [path for pattern in _PATTERNS for path in sorted(output.glob(pattern))]:
        path.rename(moving / path.name)
    moving.rename(target)
    log.info("the earlier training in %s was moved whole to %s", output, target)


def _set_later_aside(output: Path, iteration: int) -> None:
    """Who goes back to an earlier checkpoint begins a branch: what was trained after it becomes a run of its own.

    Later ones that are all damaged are merely out of the way: the best weights stay those of this run.
    """
    later = [folder for folder in checkpoints(output) if (iteration_of(folder) or 0) > iteration]
    if not later:
        return
    target, moving = _next_run(output)
    for path in (output / name for name in _KEPT):
        if path.is_file():
            shutil.copy2(path, moving / path.name)
    best = best_in(output)
    is_branch = any(damage_in(folder) is None for folder in later)
    takes_best = is_branch and best is not None and best.iteration > iteration
    for folder in [*later, *([output / BEST] if takes_best else [])]:
        folder.rename(moving / folder.name)
    moving.rename(target)
    log.info("what was trained after iteration %d was moved to %s", iteration, target)


def _next_run(output: Path) -> tuple[Path, Path]:
    """The first free ``run_<N>``, and the folder that becomes it when all is in it."""
    numbers = [int(path.name[4:]) for path in output.glob("run_*") if path.name[4:].isdigit()]
    target = output / f"run_{max(numbers, default=0) + 1}"
    moving = output / f".{target.name}.moving"
    moving.mkdir()
    return target, moving


def _adopt(resumed: Path, output: Path) -> None:
    """A run that goes on in another folder takes the curves and the best weights so far with it."""
    source, iteration = resumed.parent, iteration_of(resumed) or 0
    best = best_in(source)
    if best is not None and best.iteration <= iteration:
        with whole_folder(output / BEST) as fresh:
            for path in (source / BEST).iterdir():
                if path.is_file():
                    shutil.copy2(path, fresh / path.name)
    if (source / HISTORY_FILE).is_file():
        shutil.copy2(source / HISTORY_FILE, output / HISTORY_FILE)
