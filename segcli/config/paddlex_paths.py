"""The paths of PaddleX's tutorials: ``paddlex/configs/modules/semantic_segmentation/PP-LiteSeg-T.yaml``."""

from __future__ import annotations

from pathlib import Path

from segcli.config.suggest import did_you_mean, near
from segcli.models.names import MODEL_TASKS

_CHECKOUT = Path(__file__).resolve().parents[2]


def our_file(path: Path) -> Path:
    """The file itself or, if a tutorial's path does not exist, segcli's configuration of that model."""
    if path.exists() or "configs" not in path.parts:
        return path
    return _of_model(path.stem) or path


def taken_note(path: Path, ours: Path) -> str | None:
    """Warning that another file is used than the one named; None if it is the same file."""
    if path == ours:
        return None
    return f"there is no {path}; {ours} is used instead, segcli's configuration of this model"


def file_hint(path: Path) -> str:
    """What to type instead of a configuration file that does not exist."""
    model = next(iter(near(path.stem, MODEL_TASKS, count=1)), None)
    ours = None if model is None else _of_model(model)
    hint = None if ours is None else did_you_mean([str(ours)])
    return hint or "check the path after -c; configs/ holds a file for each model, `segcli models` lists them"


def _of_model(name: str) -> Path | None:
    task = MODEL_TASKS.get(name)
    if task is None:
        return None
    files = (root / "configs" / task.value / f"{name}.yaml" for root in (Path(), _CHECKOUT))
    return next((path for path in files if path.is_file()), None)
