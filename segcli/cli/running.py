"""Runs the work of a command that is no mode, and ends the command with its exit code."""

from __future__ import annotations

from collections.abc import Callable

import typer


def run(work: Callable[[], int], *, debug: bool) -> None:
    """Does `work` under the guard of `segcli.app`: what it raises becomes a message and an exit code.

    Raises:
        typer.Exit: Always, with the exit code.
    """
    from segcli.app import guard

    raise typer.Exit(guard(work, debug=debug))
