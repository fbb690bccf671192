"""Training state in a checkpoint besides weights and optimizer: counters, dataset identity, callback states."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from segcli.data.files import write_json_atomic
from segcli.data.identity import PartIdentity
from segcli.errors import WeightsError

STATES_FILE = "model.pdstates"
_SHOWN = 60


class States(BaseModel):
    """The content of `model.pdstates`.

    Attributes:
        states_version: Version of this layout.
        iteration: Iterations done.
        total_iterations: Iterations of the whole training, as configured.
        best_score: Best score so far; None until one is defined.
        best_iteration: Iteration of that score.
        evaluation_pending: Whether the evaluation of this iteration is still to come.
        class_names: Names in order of their ids.
        data: Identity of each split of the dataset.
        precision: Loss scale of mixed precision; empty in float32.
        callbacks: State of each callback that has one, by class name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    states_version: Literal[2] = 2
    iteration: int
    total_iterations: int
    best_score: float | None
    best_iteration: int
    evaluation_pending: bool
    class_names: tuple[str, ...]
    data: dict[str, PartIdentity]
    precision: dict[str, Any]
    callbacks: dict[str, dict[str, Any]]

    def save(self, folder: Path) -> None:
        """Writes `model.pdstates` into `folder`."""
        write_json_atomic(folder / STATES_FILE, self.model_dump(mode="json"))

    @staticmethod
    def read(folder: Path) -> States:
        """Reads the state of a checkpoint.

        Raises:
            WeightsError: The file cannot be read; names every invalid entry.
        """
        path = folder / STATES_FILE
        try:
            return States.model_validate_json(path.read_bytes())
        except OSError as fault:
            raise WeightsError(f"cannot be read ({fault.strerror})", path=path) from fault
        except ValidationError as fault:
            raise WeightsError(f"this checkpoint cannot be resumed: {_listed(fault)}", path=path) from fault


def _listed(fault: ValidationError) -> str:
    faults = []
    for error in fault.errors(include_url=False, include_context=False):
        place = ".".join(map(str, error["loc"])) or "the file"
        value = "" if error["type"] in ("missing", "json_invalid") else f" ({repr(error['input'])[:_SHOWN]})"
        faults.append(f"{place}: {error['msg'][:1].lower()}{error['msg'][1:]}{value}")
    return "; ".join(faults)
