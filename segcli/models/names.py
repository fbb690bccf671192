"""Names of the models with their tasks and sizes, derived from the table."""

from __future__ import annotations

from segcli.models.guests import GUESTS
from segcli.models.table import MODELS
from segcli.models.task import Task

MODEL_TASKS: dict[str, Task] = {name: spec.task for name, spec in {**MODELS, **GUESTS}.items()}
"""Task by model name; imported models by their kind."""

PARAMETERS_MILLION: dict[str, float] = {
    name: spec.parameters_million for name, spec in MODELS.items() if spec.parameters_million is not None
}
"""Parameters of each network in its official weights; with fewer classes there are fewer."""
