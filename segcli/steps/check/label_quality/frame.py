"""Ranks images by how much a trained model disagrees with their labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from segcli.config.schema import Config, PredictConfig
from segcli.data.decoding.used_range import set_image_range
from segcli.errors import UsageError
from segcli.inference.exported_model import ExportedModel
from segcli.models.table import get_spec
from segcli.models.task import Task
from segcli.steps.check.label_quality.ranked import RankedImage
from segcli.steps.predict.open_predictor import open_predictor
from segcli.tasks import step_part


def ranked_labels(config: Config, folder: Path, task: Task) -> list[RankedImage]:
    """Ranks all images of a dataset, those with the most doubtful labels first.

    Args:
        config: Names the dataset and the device.
        folder: Folder of an exported model.
        task: Semantic or instance.

    Raises:
        UsageError: The model is for another task, or answers prompts.
        WeightsError: The folder holds no exported model, or its classes are not those of the dataset.
        DatasetError: The dataset has errors.
    """
    model = ExportedModel.open(folder)
    if get_spec(model.model_name).task is not task or task.facts.takes_prompts:
        raise UsageError(f"holds {model.model_name}, which is not for {task.value} data", path=folder)
    predictor = open_predictor(model.model_name, folder, PredictConfig(), config.Global.device)
    set_image_range(model.preprocess.reads_by)
    rank: Callable[[Config, Any, Path], Iterator[RankedImage]] = step_part("check.label_quality", task)
    return sorted(rank(config, predictor, folder), key=lambda one: one.score)
