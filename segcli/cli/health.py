"""What the doctor found, as a table."""

from __future__ import annotations

from segcli import terminal
from segcli.steps.doctor.health import Health


def show_health(health: Health) -> None:
    """What the doctor found, and the one command that repairs it."""
    from rich.table import Table
    from rich.text import Text

    marks = {"good": Text("✔", "green"), "note": Text("•", "yellow"), "bad": Text("✘", "red")}
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for _ in range(4):
        table.add_column(overflow="fold")
    topic = ""
    for found in health.findings:
        value = Text(found.value)
        remedy = found.advice or (f"python -m pip {' '.join(found.remedy)}" if found.remedy else "")
        if remedy:
            value.append(f"\n-> {remedy}", style="dim")
        first = found.topic != topic
        table.add_row(Text(found.topic if first else "", "bold"), marks[found.state.value], found.name, value)
        topic = found.topic
    console = terminal.console()
    console.print(table)
    verdict = "everything that the main job needs is there" if health.healthy else "the main job cannot run"
    console.print(Text.assemble(("✔ ", "green") if health.healthy else ("✘ ", "red"), (verdict, "bold")))
    if health.remedy:
        console.print(Text.assemble("-> ", (health.remedy, "bold")))
