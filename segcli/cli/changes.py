"""What `segcli convert` and `segcli split` can do beside changing a dataset: show the plan, and take a change back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

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


def may_replace(path: Path | None, overrides: Sequence[str], options: Mapping[str, tuple[str, Any]]) -> bool:
    """Asks a person whether lists that segcli did not write may be replaced; false where there is nothing to ask."""
    from segcli.config.load import load_config
    from segcli.errors import SegcliError
    from segcli.steps.split.command import lists_by_hand

    try:
        names = lists_by_hand(load_config(path, overrides, options).config)
    except SegcliError:
        return False  # the command says it
    if not names:
        return False
    verb = "was" if len(names) == 1 else "were"
    return typer.confirm(f"{', '.join(names)} {verb} not written by segcli. Replace (copies are kept as .bak)?")


def take_back(dataset: str) -> int:
    """Undoes the last conversion or split of a dataset and returns the exit code."""
    from segcli.data.changes.undo import undo

    terminal.show_summary("undo", undo(Path(dataset)).summary())
    return EXIT_DONE
