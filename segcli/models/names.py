"""Names of the models, their tasks and sizes, as the table says them."""

from __future__ import annotations

from segcli.models.guests import GUESTS
from segcli.models.table import MODELS
from segcli.models.task import Task

MODEL_TASKS: dict[str, Task] = {name: spec.task for name, spec in {**MODELS, **GUESTS}.items()}
"""Those of other makers by their kind."""

PARAMETERS_MILLION: dict[str, float] = {
    name: spec.parameters_million for name, spec in MODELS.items() if spec.parameters_million is not None
}
"""Parameters of each network as its official weights hold them; a head of fewer classes has fewer."""
