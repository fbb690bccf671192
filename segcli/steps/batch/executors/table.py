"""The table of executors, which run the workers of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

from segcli.errors import MissingPartError, UsageError
from segcli.steps.batch.executors.protocol import ExecutorModule


@dataclass(frozen=True)
class ExecutorRow:
    """One executor.

    Attributes:
        name: Name on the command line.
        module: Module with its code, in this package.
        package: Required package, by its import name; None for none.
        install: Command that installs the package.
        waits: Whether the command waits until the batch is finished.
    """

    name: str
    module: str
    package: str | None = None
    install: str = ""
    waits: bool = True


EXECUTORS: dict[str, ExecutorRow] = {
    row.name: row
    for row in (
        ExecutorRow("local", ".local"),
        ExecutorRow("ray", ".ray_actors", "ray", "pip install ray"),
        ExecutorRow("dask", ".dask_tasks", "distributed", "pip install dask distributed"),
        ExecutorRow("slurm", ".slurm_array", waits=False),
    )
}


def executor(name: str) -> tuple[ExecutorRow, ExecutorModule]:
    """Looks up an executor: its row and its module.

    Raises:
        UsageError: There is no such executor.
        MissingPartError: It is not installed.
    """
    row = EXECUTORS.get(name)
    if row is None:
        raise UsageError(f"there is no executor {name!r}", hint=f"one of {', '.join(EXECUTORS)}")
    if row.package is not None and find_spec(row.package) is None:
        raise MissingPartError(f"{row.package} is not installed", hint=f"{row.install}, or use --executor local")
    module: Any = import_module(row.module, __package__)
    return row, cast(ExecutorModule, module)
