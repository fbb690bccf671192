"""From a command's options to a mode: options become keys of the configuration, then `segcli.app` runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import typer

from segcli import terminal
from segcli.cli.help import Command as HelpfulCommand
from segcli.cli.options import (
    ConfigFile,
    DatasetArgument,
    DatasetOption,
    Debug,
    Key,
    Model,
    Output,
    Overrides,
    PrintConfig,
)
from segcli.cli.running import ResultPlace, guarded
from segcli.cli.shared_options import Options, with_options
from segcli.errors import EXIT_DONE
from segcli.implied import run_config

Command = TypeVar("Command", bound=Callable[..., None])
Given = dict[str, tuple[str, Any]]
"""By key: the name by which the person knows the option, and its value."""

_FUNCTIONS: dict[str, Callable[..., None]] = {}


ON_DATASET: Options = {"dataset": (DatasetArgument, None), "dataset_option": (DatasetOption, None)}
OF_RUN: Options = {"model": (Model, None), "output": (Output, None)}
AT_START: Options = {**ON_DATASET, **OF_RUN}
AT_END: Options = {
    "config": (ConfigFile, None),
    "override": (Overrides, None),
    "print_config": (PrintConfig, False),
    "debug": (Debug, False),
}


def mode_command(
    main: typer.Typer,
    *,
    first: Options = AT_START,
    last: Options = AT_END,
    cls: type[HelpfulCommand] = HelpfulCommand,
) -> Callable[[Command], Command]:
    """Adds a command whose options with a `Key` become the configuration of a mode.

    Args:
        main: The program.
        first: Shared options that come before the command's own; their values are in the context.
        last: Those that come after them.
        cls: Class of the command.
    """

    def add(function: Command) -> Command:
        command = with_options(function, first, last, lambda _values: nullcontext())
        _FUNCTIONS[function.__name__] = command
        main.command(cls=cls)(command)
        return function

    return add


def folder_of(context: typer.Context) -> str | None:
    """The dataset's folder, in whichever way it was given."""
    folder: str | None = overridden(context, "Global.dataset_dir")
    return folder or context.params["dataset"] or context.params["dataset_option"]


def overridden(context: typer.Context, key: str) -> str | None:
    """What `-o` gives for a key."""
    given = [text.partition("=") for text in context.params.get("override") or ()]
    return next((value.strip() for name, _, value in reversed(given) if name.strip() == key), None)


def start(context: typer.Context, mode: str, values: Mapping[str, tuple[str, Any]] | None = None) -> None:
    """Runs a mode with what was given on the command line, and ends the command with its exit code.

    Args:
        context: The command as it was called.
        mode: One of `segcli.app.MODES`.
        values: By key: further values with their origin; the options of the command win over them.
    """
    from segcli import app

    options = given(context, mode, values)
    config = context.params["config"] or run_config(mode, options)
    with _speaking(context):
        code = app.start(
            config,
            context.params["override"] or (),
            options,
            print_config=context.params["print_config"],
            debug=context.params["debug"],
        )
    raise typer.Exit(code)


def implied_by(context: typer.Context, find: Callable[[], Given]) -> Given:
    """What `find` says, in the words of the command; ends the command where it fails."""
    from segcli import app

    found: Given = {}

    def work() -> int:
        found.update(find())
        return EXIT_DONE

    with _speaking(context):
        code = app.guard(work, debug=context.params["debug"])
    if code != EXIT_DONE:
        raise typer.Exit(code)
    return found


def end_with(context: typer.Context, work: Callable[[], int], place: ResultPlace | None = None) -> None:
    """Does what a command does beside its mode, in the words of the command, and ends it with the exit code."""
    with _speaking(context):
        code = guarded(work, debug=context.params["debug"], place=place)
    raise typer.Exit(code)


def _speaking(context: typer.Context) -> AbstractContextManager[None]:
    missing = _missing(str(context.command.name), context.params.get("output") or "output")
    source = overridden(context, "Predict.model_dir") or context.params.get("model_dir")
    if source:
        missing = {**missing, "Global.model": _unnamed(source)}
    return terminal.speaking(_names(context), missing)


def _unnamed(source: str) -> tuple[str, str]:
    """What is said where the model is missing that `source` should name, and what to type then."""
    from segcli.weights.run_weights import export_command, unmeasured

    stopped = unmeasured(Path(source))
    if stopped is not None:
        return f"is missing: {stopped.path}: {stopped.message}", str(stopped.hint)
    remedy = export_command(Path(source)) or "check the path; a file of weights needs --model NAME too"
    return f"is missing: {source} is no exported model, which would name its own", remedy


def _names(context: typer.Context) -> dict[str, str]:
    """By key: the name of its option, for messages."""
    keys = _keys(str(context.command.name))
    shown = {
        keys[str(one.name)]: _shown(one)
        for one in context.command.params
        if one.name in keys and not getattr(one, "hidden", False)
    }
    return {key: name for key, name in shown.items() if key != "Global.output"}


def _missing(command: str, output: str) -> terminal.Missing:
    """By key: what is said where it is missing, and what to type then."""
    untrained = f"is missing: nothing was trained in the folder {output} yet"
    trained = "segcli train DATASET"
    models = {
        "evaluate": (untrained, f"{trained}; or --weights FILE, with --model NAME where it has no model card"),
        "export": (untrained, f"{trained}; or --weights FILE, with --model NAME where it has no model card"),
        "predict": (untrained, f"{trained}; or --model-dir FOLDER with an exported model"),
    }
    return {
        "Global.dataset_dir": ("is missing", f"segcli {command} DATASET"),
        "Predict.input": ("is missing", "segcli predict INPUT"),
        "Global.model": models.get(command, ("is missing", "name one with --model; `segcli models` lists them")),
    }


def given(context: typer.Context, mode: str, values: Mapping[str, tuple[str, Any]] | None = None) -> Given:
    """What was given on the command line, by key, after `values`."""
    found: Given = {key: (origin, value) for key, (origin, value) in (values or {}).items() if value is not None}
    keys = _keys(str(context.command.name))
    for parameter in context.command.params:
        value = context.params.get(str(parameter.name))
        absent = value is None or value is False or value in ((), [])
        if parameter.name in keys and not absent:
            found[keys[parameter.name]] = (_shown(parameter), value)
    return {**found, "Global.mode": (terminal.COMMAND, mode)}


@cache
def _keys(command: str) -> dict[str, str]:
    """Key of each option of a command that sets one, by the name of its parameter."""
    hints = get_type_hints(_FUNCTIONS[command], include_extras=True)
    return {
        name: note.name
        for name, hint in hints.items()
        for note in getattr(hint, "__metadata__", ())
        if isinstance(note, Key)
    }


def _shown(parameter: Any) -> str:
    """The name of an option as it is typed: ``--batch-size``, or ``DATASET``."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name).strip("[]")
    return str(next((name for name in parameter.opts if name.startswith("--")), parameter.opts[0]))
