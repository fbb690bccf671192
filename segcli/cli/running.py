"""Runs the work of a command that is no mode, and what all commands share: `--json`."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from segcli.cli.shared_options import with_options
from segcli.garbage import end_start_up
from segcli.json_output import json_output

if TYPE_CHECKING:
    from segcli.errors import SegcliError
    from segcli.failure_report import Failure

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for programs.")]
_JSON = "as_json"


@dataclass
class ResultPlace:
    """Where a command that is no mode leaves its result, and how its work has failed or by what it was stopped.

    Attributes:
        output: Folder; None until the work has found out and calls `begin`.
        command: Name of the command, as in the file's name.
    """

    output: Path | None
    command: str
    _before: tuple[int, int] | None = field(default=None, init=False)

    def begin(self, output: Path) -> None:
        """From here on a failure is told in this folder."""
        from segcli.results import version_of

        self._before = version_of(output, self.command)
        self.output = output

    def leave(self, failure: "Failure") -> None:
        """Writes the result file of work that has failed, unless it had not begun, or was done.

        What was done stays done, whatever showing it came to.
        """
        from segcli.app import leave_failure
        from segcli.results import version_of

        if self.output is None or failure.at_start or version_of(self.output, self.command) != self._before:
            return
        leave_failure(self.output, self.command, failure)


def run(work: Callable[[], int], *, debug: bool, place: ResultPlace | None = None) -> None:
    """Does `work` under the guard of `segcli.app`: what it raises becomes a message and an exit code.

    Args:
        work: Returns its exit code.
        debug: Shows the traceback.
        place: Where a result file says how work that had begun has failed, or by what it was stopped; None for none.

    Raises:
        typer.Exit: Always, with the exit code.
    """
    raise typer.Exit(guarded(work, debug=debug, place=place))


def guarded(work: Callable[[], int], *, debug: bool, place: ResultPlace | None = None) -> int:
    """The same, but returns the exit code."""
    from segcli.app import guard

    if place is not None and place.output is not None:
        place.begin(place.output)
    end_start_up()
    return guard(work, on_failure=None if place is None else place.leave, debug=debug)


def refuse(error: "SegcliError | OSError") -> NoReturn:
    """Shows an error as that of any work, and ends the command with its exit code."""

    def work() -> int:
        raise error

    run(work, debug=False)
    raise AssertionError("`run` always ends the command")


def report(title: str, result: Any, output: Path | None = None, further: Sequence[tuple[str, str]] = ()) -> int:
    """Shows what a command did, as rows or as JSON, and returns the exit code.

    Args:
        title: The command.
        result: Has `as_dict` for programs and `summary`, rows for people.
        output: Folder for the result file; None writes none.
        further: Rows after those of the summary.
    """
    from segcli import json_output, terminal
    from segcli.results import write_result

    values = result.as_dict()
    path = None if output is None else write_result(output, title, values, done=True)
    json_output.tell_result(values)
    terminal.show_summary(title, [*result.summary(), *further], result=path)
    return 0


def offer_json(main: typer.Typer) -> None:
    """Gives `--json` to every command of the program, those of its groups included."""
    for command in main.registered_commands:
        if command.callback is not None:
            command.callback = with_options(command.callback, {}, {_JSON: (AsJson, False)}, _as_json)
    for group in _groups(main):
        offer_json(group)


def _groups(main: typer.Typer) -> Iterable[typer.Typer]:
    return (group.typer_instance for group in main.registered_groups if group.typer_instance is not None)


def _as_json(values: dict[str, Any]) -> AbstractContextManager[None]:
    return json_output(wanted=bool(values[_JSON]))
