"""The kinds of imported models (ONNX with a card); see `segcli.models.guest_card`."""

from __future__ import annotations

from segcli.models.spec import ModelSpec
from segcli.models.task import Task

SECTION = "Guest"
"""Of a manifest: it describes an imported model, see `segcli.inference.guests.folder`."""
SEMANTIC, INSTANCE, SAM = "ONNX-Semantic", "ONNX-Instance", "ONNX-SAM"

GUESTS: dict[str, ModelSpec] = {
    name: ModelSpec(name=name, task=task, network={})
    for name, task in ((SEMANTIC, Task.SEMANTIC), (INSTANCE, Task.INSTANCE), (SAM, Task.PROMPTABLE))
}
"""By kind: one entry for all models of that kind, whose names are in their cards."""
KIND_OF_TASK = {spec.task.facts.name: name for name, spec in GUESTS.items()}
"""By the task that a card names."""
