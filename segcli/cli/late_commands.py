"""Commands that are imported when they are called; until then their names in a table stand for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import typer

from segcli.cli.help import Group, program
from segcli.cli.running import offer_json
from segcli.lazy import load_object


class CommandRow(NamedTuple):
    """The commands that one function adds: a single one where its options are many, which typer takes 5 ms to read.

    Attributes:
        panel: Their heading in the help of the program.
        add: Reference to the function that adds them to a program.
        names: As they are typed.
    """

    panel: str
    add: str
    names: tuple[str, ...]


class LateCommands(Mapping[str, Any]):
    """Commands by name, in the order of the table; one is imported when it is first looked up."""

    def __init__(self, rows: Sequence[CommandRow]) -> None:
        self._rows = {name: row for row in rows for name in row.names}

    def __getitem__(self, name: str) -> Any:
        return _commands(self._rows[name])[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def late_group(rows: Sequence[CommandRow]) -> type[Group]:
    """The class of a program with the commands of a table."""

    class LateGroup(Group):
        """A program whose commands are imported when they are called."""

        def __init__(self, **options: Any) -> None:
            super().__init__(**{**options, "commands": LateCommands(rows)})

        def list_commands(self, ctx: Any) -> list[str]:
            """The names, in the order of the table."""
            return list(self.commands)

    return LateGroup


@cache
def _commands(row: CommandRow) -> Mapping[str, Any]:
    """The commands of a module: made for it alone, since typer reads the signature of each one."""
    part = program("", "")
    load_object(row.add)(part)
    part.callback()(lambda: None)
    offer_json(part)
    added: list[Any] = [*part.registered_commands, *part.registered_groups]
    for one in added:
        one.rich_help_panel = row.panel
    commands: Mapping[str, Any] = typer.main.get_group(part).commands
    return commands
