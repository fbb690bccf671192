"""The segmentation tasks, by the names that PaddleX gives to its modules, and the plain facts that tell them apart.

A task is a row of `FACTS` here, a row of `segcli.tasks.TASKS`, an engine, and a module of its short name in each step.
Code that differs between tasks asks for a fact, never for the task itself; `tests/test_architecture.py` holds that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


@dataclass(frozen=True)
class TaskFacts:
    """What tells a task apart without any code of it.

    Attributes:
        name: Short name, of the task's modules in each step too: ``semantic``.
        network_takes: Arguments of `segcli.networks.build_network` that mean something for its models.
        published_score: Name of the score that is published for official weights; None where none is.
        default_classes: Classes of the public dataset that the official weights were mostly trained on; 0 where
            models have no classes.
        counts_epochs: Whether the length of a training is counted in epochs; else in iterations.
        defaults: Defaults of the configuration, by key, that differ from the schema's.
        small_model: The network that learns most from few images; a plan begins with it where no model is named. None
            for a task that is not planned.
        large_model: The network for many images or trained weights, which also stands for the task where a dataset is
            checked without a model.
        scratch_clip: Norm to which gradients are clipped when training starts from random weights; None for no limit.
        takes_prompts: Whether its models answer prompts about an image, instead of knowing classes.
        joins_images: Whether one run of a network answers several images.
    """

    name: str
    network_takes: frozenset[str]
    published_score: str | None = None
    default_classes: int = 0
    counts_epochs: bool = True
    defaults: Mapping[str, Any] = field(default_factory=dict)
    small_model: str | None = None
    large_model: str | None = None
    scratch_clip: float | None = None
    takes_prompts: bool = False
    joins_images: bool = False


class Task(str, Enum):
    """A segmentation task."""

    SEMANTIC = "semantic_segmentation"
    INSTANCE = "instance_segmentation"
    PROMPTABLE = "open_vocabulary_segmentation"

    @property
    def facts(self) -> TaskFacts:
        """Its row of `FACTS`."""
        return FACTS[self]

    @classmethod
    def named(cls, name: str) -> Task:
        """The task of a short name.

        Raises:
            KeyError: There is none.
        """
        return {task.facts.name: task for task in cls}[name]


_EPOCHS = {"Train.epochs_iters": 40, "Train.eval_interval": 1}
"""The schema's defaults count iterations."""
FACTS: dict[Task, TaskFacts] = {
    Task.SEMANTIC: TaskFacts(
        name="semantic",
        network_takes=frozenset({"num_classes", "input_channels"}),
        published_score="mIoU",
        default_classes=19,  # Cityscapes
        counts_epochs=False,
        small_model="UNet-S",
        large_model="PP-LiteSeg-T",
        joins_images=True,
    ),
    Task.INSTANCE: TaskFacts(
        name="instance",
        network_takes=frozenset({"num_classes", "input_size", "options"}),
        published_score="mask AP",
        default_classes=80,  # COCO
        defaults=_EPOCHS,
        small_model="SeedUNet-S",
        large_model="Mask-RT-DETR-S",
        scratch_clip=10.0,
    ),
    Task.PROMPTABLE: TaskFacts(
        name="promptable",
        network_takes=frozenset(),
        defaults={**_EPOCHS, "Export.tolerance": 1e-4},
        takes_prompts=True,
    ),
}
