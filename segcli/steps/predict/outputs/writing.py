"""Writes the requested files of a result."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from segcli.steps.predict.image_result import ImageResult, LeftOutError
from segcli.steps.predict.result import Predicted
from segcli.steps.predict.writers import JsonForm

log = logging.getLogger("segcli.predict")


def write_chosen(result: ImageResult, folder: Path, form: JsonForm, names: Sequence[str]) -> Predicted:
    """Writes the files of the named rows of `segcli.outputs`; the JSON comes last and marks them complete."""
    files: dict[str, Path] = {}
    for name in names:
        try:
            files[name] = import_module(f"segcli.steps.predict.outputs.{name}").write(result, folder)
        except LeftOutError as reason:
            log.warning("%s has no %s: %s", result.name, name, reason)
    files["json"] = result.save_to_json(folder, form=form)
    return result.predicted(files)
