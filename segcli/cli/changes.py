"""What `segcli convert` and `segcli split` can do beside changing a dataset: show the plan, and take a change back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segcli import terminal
from segcli.errors import EXIT_DATASET_INVALID, EXIT_DONE

PLANNERS = {
    "convert": "segcli.steps.convert.command:plan_conversion",
    "split": "segcli.steps.split.command:plan_split",
}
"""Command -> function that makes its plan from a configuration, with nothing written."""


def show_plan(command: str, path: Path | None, overrides: Sequence[str], options: Mapping[str, tuple[str, Any]]) -> int:
    """Shows what a command would do and returns the exit code."""
    from segcli.config.load import load_config
    from segcli.lazy import load_object

    plan = load_object(PLANNERS[command])(load_config(path, overrides, options).config)
    faults = getattr(plan, "errors", ())
    terminal.show_findings(getattr(plan, "findings", ()))
    terminal.show_summary(f"{command}: the plan, nothing is written", plan.summary(), good=not faults)
    return EXIT_DATASET_INVALID if faults else EXIT_DONE


def take_back(dataset: str) -> int:
    """Undoes the last conversion or division of a dataset and returns the exit code."""
    from segcli.data.transaction import undo

    terminal.show_summary("undo", undo(Path(dataset)).summary())
    return EXIT_DONE
