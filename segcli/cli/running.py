"""Runs the work of a command that is no mode, and what all commands share: `--json`."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any, get_type_hints

import typer

from segcli.json_output import json_output

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for programs.")]
_JSON = "as_json"


def run(work: Callable[[], int], *, debug: bool) -> None:
    """Does `work` under the guard of `segcli.app`: what it raises becomes a message and an exit code.

    Raises:
        typer.Exit: Always, with the exit code.
    """
    from segcli.app import guard

    raise typer.Exit(guard(work, debug=debug))


def offer_json(main: typer.Typer) -> None:
    """Gives `--json` to every command of the program, those of its groups included."""
    for command in main.registered_commands:
        if command.callback is not None:
            command.callback = _with_json(command.callback)
    for group in _groups(main):
        offer_json(group)


def _groups(main: typer.Typer) -> Iterable[typer.Typer]:
    return (group.typer_instance for group in main.registered_groups if group.typer_instance is not None)


def _with_json(function: Callable[..., Any]) -> Callable[..., Any]:
    """The command with the option; one that has it already prints its own object."""
    signature = inspect.signature(function)
    own = _JSON in signature.parameters

    @functools.wraps(function)
    def command(*arguments: Any, **options: Any) -> None:
        wanted = bool(options.get(_JSON)) if own else bool(options.pop(_JSON))
        with json_output(wanted=wanted):
            function(*arguments, **options)

    if not own:
        option = inspect.Parameter(_JSON, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=AsJson)
        hints = get_type_hints(function, include_extras=True)
        plain = [one.replace(annotation=hints[name]) for name, one in signature.parameters.items()]
        command.__signature__ = signature.replace(parameters=[*plain, option])  # type: ignore[attr-defined]
        command.__annotations__ = {**hints, _JSON: AsJson}
    return command
