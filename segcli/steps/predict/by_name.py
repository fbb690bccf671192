"""Finds the files of a model; a model given only by name uses its official weights, downloaded once and cached."""

from __future__ import annotations

from pathlib import Path

from segcli.config.load import from_values
from segcli.data.files import sha256_of
from segcli.errors import UsageError, WeightsError
from segcli.inference.exported_model import is_exported
from segcli.models.spec import ModelSpec
from segcli.steps.export.command import export_weights
from segcli.weights.cache import cache_folder
from segcli.weights.guest_home import exported_in
from segcli.weights.official import resolve_weights

PRETRAINED = "pretrained"
_REMEDY = "give model_dir: the folder that export wrote, e.g. output/best_model/inference"


def model_source(spec: ModelSpec, model_dir: str | Path | None) -> Path:
    """Returns the folder of an exported model, or the weight file of a promptable one.

    Args:
        spec: The model.
        model_dir: The folder itself, or the folder of the best weights around it; None uses the official weights. They
            are downloaded at the first use and, except for promptable models, exported into the cache.

    Raises:
        WeightsError: The official weights cannot be downloaded.
        UsageError: The model has no official weights.
    """
    if model_dir is not None:
        return exported_in(Path(model_dir).expanduser())
    if PRETRAINED not in spec.weights:
        raise UsageError(f"{spec.name} has no official weights to download", hint=_REMEDY)
    try:
        weights = resolve_weights(PRETRAINED, spec)
    except WeightsError as fault:
        hint = f"{_REMEDY}; {fault.hint}" if fault.hint else _REMEDY
        raise WeightsError(fault.message, path=fault.path, hint=hint) from fault
    assert weights is not None
    return weights if spec.task.facts.takes_prompts else _exported(spec, weights)


def _exported(spec: ModelSpec, weights: Path) -> Path:
    """Exports official weights into the cache, once; returns the folder."""
    from filelock import FileLock

    folder = cache_folder() / "exported" / f"{spec.name}-{sha256_of(weights)[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not is_exported(folder):
            config = from_values({"Global.model": spec.name, "Global.mode": "export"}).config
            export_weights(weights, folder, config)
    return folder
