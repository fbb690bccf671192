"""The paths of PaddleX's tutorials: ``paddlex/configs/modules/semantic_segmentation/PP-LiteSeg-T.yaml``."""

from __future__ import annotations

from pathlib import Path

from segcli.config.suggest import did_you_mean, near
from segcli.models.names import MODEL_TASKS

_CHECKOUT = Path(__file__).resolve().parents[2]


def our_file(path: Path) -> Path:
    """The file itself or, where a tutorial's path leads nowhere, our configuration of that model."""
    if path.exists() or "configs" not in path.parts:
        return path
    return _of_model(path.stem) or path


def taken_note(path: Path, ours: Path) -> str | None:
    """What to tell where another file was taken; None where it is the file that was named."""
    if path == ours:
        return None
    return f"there is no {path}; {ours} is taken, the configuration of this model here"


def file_hint(path: Path) -> str:
    """What to type in place of a configuration file that is not there."""
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
