"""Every page that is made from the code: the reference, the rules, the models."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from docs.site import commands, configuration, python
from segcli.models.guests import GUESTS
from segcli.models.names import MODEL_TASKS, PARAMETERS_MILLION
from segcli.models.published import PUBLISHED
from segcli.models.task import Task
from segcli.rules import RULES


def pages() -> dict[str, str]:
    """The text of each generated page, by its name below docs/."""
    made: dict[str, Callable[[], str]] = {
        "reference/commands.md": commands.page,
        "reference/configuration.md": configuration.page,
        "reference/paddlex_keys.md": configuration.paddlex_page,
        "reference/python.md": python.page,
        "rules/index.md": rules_page,
        "models.md": models_page,
    }
    return {**{name: make() for name, make in made.items()}, **{f"rules/{id}.md": RULES[id].page for id in RULES}}


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    columns = list(columns)
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    """A cell: bars outside of code are escaped, those in code stand as they are."""
    parts = text.split("`")
    return "`".join(part if number % 2 else part.replace("|", "\\|") for number, part in enumerate(parts))


def rules_page() -> str:
    """All rules by their families."""
    rows = [(f"[{rule.id}]({rule.id}.md)", rule.severity.value, rule.title, rule.remedy) for rule in RULES.values()]
    return (
        "# Rules\n\n"
        f"The {len(RULES)} rules of the check. `segcli rule S304` shows the same page in the terminal; "
        "`check --select`, `--ignore`, `--strict` and `CheckDataset.rules` choose among them, and `segcli fix` repairs "
        "what a program can repair.\n\n" + table(("rule", "severity", "what it finds", "what to do"), rows) + "\n"
    )


_HEADINGS = {
    Task.SEMANTIC: ("Label pixels (semantic segmentation)", "Every pixel gets a class."),
    Task.INSTANCE: ("Find objects (instance segmentation)", "Every object gets a class, a box, a score and a mask."),
    Task.PROMPTABLE: ("Segment with prompts", "Boxes, points or texts say what is meant."),
}


def models_page() -> str:
    """The models with their sizes, and what is published about their official weights."""
    parts = [
        "# Models\n",
        "Parameters count the network as the official weights hold it. Scores, sizes and licences of the official "
        "weights are those that PaddleX and the original authors publish; **none of these weights was run here** "
        "(see [Limits](limits.md)). What the models learn from random weights stands in [Measured](measured.md).\n",
        "PaddleX publishes its files under Apache-2.0. SegFormer and its backbones come from NVIDIA, which publishes "
        "its own under a licence for non-commercial use: ask before you sell what begins with them.\n",
    ]
    for task, (title, text) in _HEADINGS.items():
        parts.append(f"## {title}\n\n{text}\n\n{_models_of(task)}\n")
    return "\n".join(parts)


def _models_of(task: Task) -> str:
    score = task.facts.published_score
    columns = ["model", "parameters", *([f"official {score}, %", "on"] if score else []), "weight file", "licence"]
    digits = ".2f" if task is Task.SEMANTIC else ".1f"
    rows = []
    for name in (name for name, of in MODEL_TASKS.items() if of is task):
        facts = PUBLISHED.get(name)
        size = f"{PARAMETERS_MILLION[name]:.1f} M" if name in PARAMETERS_MILLION else ""
        scored = (
            [f"{facts.score:{digits}}" if facts and facts.score else "", facts.dataset if facts else ""]
            if score
            else []
        )
        file = f"{facts.size_mb:g} MB" if facts and facts.size_mb else ""
        other = "[imported](guests.md)" if name in GUESTS else "no official weights"
        rows.append([f"`{name}`", size, *scored, file, facts.licence if facts else other])
    return table(columns, rows)
