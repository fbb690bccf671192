"""The output folder of a run: an earlier training in it is moved to a subfolder and never mixes with the new one.

```
<output>/                 the newest run: best_model, iter_<N>, config.yaml, train.log, history.jsonl, ...
<output>/run_<N>/         an earlier run, unchanged
```

Files of `check` and files that segcli did not write stay where they are.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from segcli.data.files import recover_folder, whole_folder
from segcli.models.card import CARD_FILE, ModelCard
from segcli.steps.train.history import HISTORY_FILE, read_history
from segcli.weights.checksums import damage_in
from segcli.weights.run_weights import BEST, checkpoints, iteration_of

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
"""Files of a training, and files made from its weights afterwards."""
_HALF_WRITTEN = (".iter_*.*", f".{BEST}.*", ".config.*.yaml", ".history.*.jsonl", ".curves.*.png")

log = logging.getLogger("segcli.train")


def holds_training(output: Path) -> bool:
    """Whether the folder holds a training."""
    return bool(checkpoints(output)) or (output / BEST).is_dir() or bool(read_history(output / HISTORY_FILE))


def recover(output: Path) -> None:
    """Cleans up after a killed run: undoes an unfinished move and removes half-written files."""
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
    """Prepares the folder for a new or resumed run.

    Args:
        output: Folder of the run, locked by the caller.
        resumed: The checkpoint that the run resumes from; None for a new run.
    """
    recover(output)
    if resumed is None or not resumed.parent.samefile(output):
        _move_aside(output)
        if resumed is not None:
            _adopt(resumed, output)
    else:
        _set_later_aside(output, iteration_of(resumed) or 0)


def best_in(output: Path) -> ModelCard | None:
    """The model card of the best weights; None if there are none."""
    return ModelCard.beside(output / BEST / CARD_FILE)


def _move_aside(output: Path) -> None:
    if not holds_training(output):
        return
    target, moving = _next_run(output)
    for path in [path for pattern in _PATTERNS for path in sorted(output.glob(pattern))]:
        path.rename(moving / path.name)
    moving.rename(target)
    log.info("the earlier training in %s was moved to %s", output, target)


def _set_later_aside(output: Path, iteration: int) -> None:
    """Moves later checkpoints into their own run folder, when training resumes from an earlier one.

    If all later checkpoints are damaged, the best weights stay those of this run.
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
    """The first free ``run_<N>``, and the temporary folder that is renamed to it once complete."""
    numbers = [int(path.name[4:]) for path in output.glob("run_*") if path.name[4:].isdigit()]
    target = output / f"run_{max(numbers, default=0) + 1}"
    moving = output / f".{target.name}.moving"
    moving.mkdir()
    return target, moving


def _adopt(resumed: Path, output: Path) -> None:
    """Copies history and best weights to the new output folder of a resumed run."""
    source, iteration = resumed.parent, iteration_of(resumed) or 0
    best = best_in(source)
    if best is not None and best.iteration <= iteration:
        with whole_folder(output / BEST) as fresh:
            for path in (source / BEST).iterdir():
                if path.is_file():
                    shutil.copy2(path, fresh / path.name)
    if (source / HISTORY_FILE).is_file():
        shutil.copy2(source / HISTORY_FILE, output / HISTORY_FILE)
