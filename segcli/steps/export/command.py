"""`export`: writes trained weights as a model that runs without segcli."""

from __future__ import annotations

from pathlib import Path

from segcli.config.schema import Config
from segcli.device import on_cpu
from segcli.errors import ExportError
from segcli.models.table import get_spec
from segcli.progress import working
from segcli.steps.export.result import ExportResult
from segcli.tasks import TASKS, step_part
from segcli.weights.official import resolve_weights
from segcli.weights.run_weights import best_weights

FOLDER = "inference"


def export(config: Config) -> ExportResult:
    """Exports `Export.weight_path` (or the best weights of the run) to ``<Global.output>/inference``.

    Raises:
        UsageError: There are no weights.
        ExportError: The model cannot be written, or its outputs differ from the trained one.
    """
    spec = get_spec(config.Global.model)
    output = Path(config.Global.output)
    weights = resolve_weights(config.Export.weight_path, spec)
    if weights is None:
        weights = best_weights(output, TASKS[spec.task].weight_file, "Export.weight_path")
    return export_weights(weights, output / FOLDER, config)


def export_weights(weights: Path, folder: Path, config: Config) -> ExportResult:
    """Exports one weight file to `folder`; always on the CPU.

    Args:
        weights: Trained weights with their card beside them, or official ones.
        folder: Where the exported model goes.
        config: `Export` selects the files, `Global.dataset_dir` and `Predict.input` the images to compare on.

    Raises:
        WeightsError: The weights cannot be opened.
        ExportError: The model cannot be written.
        ParityError: The outputs of the written model differ from the trained network.
    """
    if config.Global.export_with_pir is False:
        raise ExportError(
            "Global.export_with_pir=False selects the format before Paddle 3, which Paddle 3.3 no longer writes",
            hint="leave the key out",
        )
    spec = get_spec(config.Global.model)
    with on_cpu(), working(f"exporting {spec.name}"):
        result: ExportResult = step_part("export", spec.task)(weights, folder, config)
    return result
