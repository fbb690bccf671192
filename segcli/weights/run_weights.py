"""The weights in the folder of a training, and what to type where the ones that are wanted are missing."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote

from segcli.errors import UsageError, WeightsError

BEST = "best_model"
"""Folder of the best weights of a run."""


def checkpoints(output: Path) -> list[Path]:
    """The checkpoint folders of a run, oldest first."""
    numbered = {path: iteration_of(path) for path in output.glob("iter_*")}
    return [path for _, path in sorted((number, path) for path, number in numbered.items() if number is not None)]


def iteration_of(folder: Path) -> int | None:
    """N of a folder ``iter_<N>``; None for any other folder."""
    match = re.fullmatch(r"iter_(\d+)", folder.name)
    return int(match[1]) if match else None


def best_weights(output: Path, weight_file: str, key: str) -> Path:
    """The best weights of a run.

    Args:
        output: Folder of the run.
        weight_file: Name of the file.
        key: The key by which other weights are given.

    Raises:
        UsageError: There are none.
    """
    best = output / BEST / weight_file
    if best.is_file():
        return best
    raise unmeasured(output) or UsageError("there are no weights here", path=best, hint=f"train first, or set {key}")


def unmeasured(path: Path) -> UsageError | None:
    """The error of a training that was stopped before its first measurement, which chooses the best weights.

    Args:
        path: Folder of the run, or a path in it or in its best weights, which need not exist.

    Returns:
        None if `path` belongs to no such training.
    """
    run = next((folder for folder in (path, *path.parents[:2]) if checkpoints(folder)), None)
    if run is None or (run / BEST).is_dir():
        return None
    done = iteration_of(checkpoints(run)[-1])
    message = f"this training has no best weights yet: it was stopped at iteration {done}, before its first measurement"
    return UsageError(message, path=run, hint=resume_hint(run))


def no_export(folder: Path, manifest: str) -> UsageError | WeightsError:
    """The error of a folder that holds no exported model, or is not there.

    Args:
        folder: The folder.
        manifest: Name of the file that an exported model has.
    """
    stopped = unmeasured(folder)
    if stopped is not None:
        return stopped
    there = f"holds no {manifest}" if folder.is_dir() else "there is no such folder"
    hint = export_command(folder) or "train and export one first: segcli train DATASET"
    error = WeightsError(f"is no exported model: {there}", path=folder, hint=hint)
    return error if folder.is_dir() else error.for_missing_path()


def resume_hint(run: Path) -> str:
    """How a stopped training is continued."""
    return f"segcli train --resume --output {quote(str(run))} goes on from there (main.py: -o Train.resume_path=last)"


def export_command(path: Path) -> str | None:
    """What exports the best weights of the run that a path belongs to; None if it belongs to none that has them."""
    run = next((folder for folder in (path, *path.parents[:2]) if (folder / BEST).is_dir()), None)
    return None if run is None else f"segcli export --output {quote(str(run))}"
