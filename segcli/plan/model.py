"""Which model suits the data where none is named."""

from __future__ import annotations

from segcli.data.fingerprint.labels import Fingerprint
from segcli.models.task import Task
from segcli.plan.choice import Choice, Means

_MANY_IMAGES = 2000


def choose_model(task: Task, data: Fingerprint, means: Means) -> Choice:
    """The small U-Net of the task; with an accelerator and trained weights or many images a larger model."""
    number = f"{data.train_images} images"
    if means.device != "cpu" and (means.pretrained or data.train_images >= _MANY_IMAGES):
        start = "trained weights" if means.pretrained else "random weights"
        return Choice("Global.model", task.facts.large_model, f"{number}, {start} and a {means.device.upper()}")
    if means.device == "cpu":
        reason = f"{number} on a CPU: from random weights a network of 0.7 M parameters learns most in the time"
    else:
        reason = f"{number} from random weights: too few for a large network"
    return Choice("Global.model", task.facts.small_model, reason)
