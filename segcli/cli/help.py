"""`--help` without rich: options in their groups, lines that fit 80 columns, and an answer at once."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from segcli.cli.shell_words import ASKED, join_shell_words
from segcli.garbage import begin_start_up
from segcli.json_output import json_output, tell_result
from segcli.libraries import start_lean
from segcli.text import ensure_streams, takes_colours

_OPTIONS, _COMMANDS = "Options", "Commands"
UsageFault: Any = typer.BadParameter.__base__
"""What typer raises for words that are no command, option or value; it has no public name there."""


@contextmanager
def usage_errors_as_json(*, wanted: bool) -> Iterator[None]:
    """Inside the block, an option or argument that is wrong is printed as JSON too; it is raised in any case."""
    try:
        yield
    except UsageFault as fault:
        with json_output(wanted=wanted):
            tell_result({"done_flag": False, "err_type": "UsageError", "err_msg": fault.format_message(), "hint": None})
        raise


class _LateConversion:
    """Stands for typer's conversion of an option, which is made only for options that are given.

    Typer makes it for every option of a command, with pydantic, which takes 1 ms each.

    Args:
        option: The option or argument.
    """

    def __init__(self, option: Any) -> None:
        self._make = option.get_runtime_param

    def __call__(self) -> "_LateConversion":
        """Itself, where typer makes the conversion."""
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value of an option; without words it is None, or empty for one that is repeated."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        return self._make().coerce(value, param=param, ctx=ctx)


class Command(TyperCommand):
    """A command whose help shows options by their groups."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for option in self.params:
            if hasattr(option, "get_runtime_param"):  # typer before 0.29 converts without pydantic
                vars(option)["get_runtime_param"] = _LateConversion(option)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes the arguments and options."""
        write_options(self, ctx, formatter)


class Group(TyperGroup):
    """A program of commands, with their first sentences."""

    _options_were_given = True
    _is_json = False
    """Whether the words hold ``--json``; False for a group inside a program, which `main` does not start."""

    def main(self, args: Sequence[str] | None = None, *others: Any, **kwargs: Any) -> Any:
        """Runs the program, also where it was started without standard streams."""
        if args is None:
            begin_start_up()
        start_lean()
        ensure_streams()
        if ASKED in os.environ:
            join_shell_words()
        self._is_json = "--json" in (sys.argv[1:] if args is None else args)
        return super().main(args, *others, **kwargs)

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Reads the program's own options."""
        with usage_errors_as_json(wanted=self._is_json):
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Reads the options of the command, and runs it."""
        try:
            with usage_errors_as_json(wanted=self._is_json):
                return super().invoke(ctx)
        except OSError as fault:
            if fault.filename is None:  # the reader of the output has ended, which typer knows
                raise
            from segcli.cli.running import refuse

            with json_output(wanted=self._is_json):
                refuse(fault)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads the arguments up to the command.

        Where the command comes first, the program's own options are left out: typer would import pydantic for each of
        them, which is half of the time that the help of a command takes.
        """
        self._options_were_given = not args or args[0].startswith("-")
        return super().parse_args(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        """The options that can have been given."""
        return super().get_params(ctx) if self._options_were_given else []

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes the options, and the commands by their groups."""
        write_options(self, ctx, formatter)
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                panel = getattr(command, "rich_help_panel", None)
                panels.setdefault(panel if isinstance(panel, str) else _COMMANDS, []).append((name, summary(command)))
        for panel, rows in panels.items():
            _write(formatter, panel, rows, first=max(len(name) for entries in panels.values() for name, _ in entries))


def program(name: str, text: str, *, cls: type[Group] = Group, add_completion: bool = False) -> typer.Typer:
    """A program of commands, or a group of them.

    Args:
        name: As it is typed.
        text: What it is for.
        cls: Class of the program.
        add_completion: Whether it has options that set up the shell.
    """
    return typer.Typer(
        name=name,
        cls=cls,
        help=text,
        no_args_is_help=True,
        add_completion=add_completion,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def summary(command: Any) -> str:
    """The first paragraph of a command's help, in one line."""
    return " ".join((command.short_help or command.help or "").split("\n\n")[0].split())


def write_options(command: Any, context: Any, formatter: Any) -> None:
    """Arguments first, then each group of options, those without a group last."""
    panels: dict[str, list[tuple[str, str]]] = {"Arguments": []}
    rest: list[tuple[str, str]] = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        panel = getattr(parameter, "rich_help_panel", None)
        if record is None:
            continue
        if parameter.param_type_name == "argument":
            panels["Arguments"].append(record)
        elif isinstance(panel, str):
            panels.setdefault(panel, []).append(record)
        else:
            rest.append(record)
    for title, rows in {**panels, _OPTIONS: rest}.items():
        _write(formatter, title, rows)


def _write(formatter: Any, title: str, rows: Iterable[tuple[str, str]], *, first: int = 0) -> None:
    rows = [(name.ljust(first), text) for name, text in rows]
    if rows:
        shown = typer.style(title, bold=True) if takes_colours(sys.stdout) else title
        with formatter.section(shown):
            formatter.write_dl(rows, col_max=26)
