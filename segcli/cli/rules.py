"""The command `rule`: what a finding means, why it matters and what to do about it."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from segcli import terminal
from segcli.cli.completion import complete_rules
from segcli.cli.help import Command
from segcli.cli.running import refuse
from segcli.errors import UsageError

if TYPE_CHECKING:
    from segcli.rules import Rule


def add_rules(main: typer.Typer) -> None:
    """Adds the command to the main one."""
    main.command(cls=Command)(rule)


def rule(
    rule_id: Annotated[
        str | None,
        typer.Argument(
            help="A rule id, or how ids begin; none lists all.", metavar="RULE", autocompletion=complete_rules
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Explain a rule of the check: what it finds, why it is bad, an example and the repair."""
    from segcli.rules import RULES, near_rules

    wanted = (rule_id or "").upper()
    chosen = [entry for entry in RULES.values() if entry.id.startswith(wanted)]
    if not chosen:
        near = near_rules(wanted)
        hint = f"did you mean {' or '.join(near)}?" if near else "segcli rule lists all rules"
        refuse(UsageError(f"there is no rule {rule_id!r}", hint=hint))
    if as_json:
        typer.echo(json.dumps([asdict(entry) for entry in chosen], indent=2, ensure_ascii=False))
    elif len(chosen) == 1:
        terminal.show_markdown(chosen[0].page)
    else:
        _show_list(chosen)


def _show_list(chosen: "list[Rule]") -> None:
    rows = [(entry.id, entry.severity.value, entry.title) for entry in chosen]
    title = f"{len(chosen)} rules; `segcli rule ID` explains one"
    terminal.show_table(title, ("id", "severity", "title"), rows, key="rules")
