"""The reference of the configuration, from the declarations of the schema."""

from __future__ import annotations

import json
from typing import Any

from segcli.config.check import REFUSED
from segcli.config.keys import describe, expected, leaves, meanings, sections
from segcli.config.load import MODEL_DEFAULTS
from segcli.config.schema.meaning import ALL, MODES, Meaning
from segcli.models.task import Task

_TASKS = {Task.SEMANTIC: "semantic", Task.INSTANCE: "instance", Task.PROMPTABLE: "promptable"}


def page() -> str:
    """Every key by its section: what it may hold, its default, for what it has a meaning."""
    parts = [
        "# Configuration\n",
        "A YAML file in PaddleX's structure (`-c FILE`), overrides (`-o Section.key=value`), the options of the "
        "commands and the arguments of the Python functions set the same keys; later ones win. Every key is honoured "
        "or refused: one that has no meaning for a model ends the run with exit code 2 and a remedy, and one of "
        "PaddleX's at its stock value passes with a warning. `--print-config` shows each value with its origin.\n",
        "`null` means: from the recipe of the model, or planned from the data.\n",
    ]
    for section in dict.fromkeys(key.rpartition(".")[0] for key in leaves()):
        title = section or "Top level"
        parts.append(f"## {title}\n")
        if section:
            parts.append(f"{(sections()[section].__doc__ or '').strip().splitlines()[0]}\n")
        parts += [_key(key) for key in leaves() if key.rpartition(".")[0] == section]
    return "\n".join(parts)


def _key(key: str) -> str:
    rule, meaning = leaves()[key], meanings()[key]
    facts = [f"*{expected(rule)}*"]
    default = "required" if rule.is_required() else f"default `{_shown(rule.get_default(call_default_factory=True))}`"
    facts.append(default + _other_defaults(key))
    facts.append(_meaning(meaning))
    if meaning.stock is not None:
        facts.append("one of PaddleX's keys")
    return f"### {key} {{ #{key.lower().replace('.', '-')} }}\n\n{describe(key)}\n\n" + "; ".join(facts) + ".\n"


def _shown(value: Any) -> str:
    if hasattr(value, "model_dump"):
        value = value.model_dump()
    return json.dumps(value, default=str, ensure_ascii=False)


def _other_defaults(key: str) -> str:
    others = [(_TASKS[task], task.facts.defaults[key]) for task in Task if key in task.facts.defaults]
    others += [(f"`{name}`", values[key]) for name, values in MODEL_DEFAULTS.items() if key in values]
    return "".join(f", of {name} `{_shown(value)}`" for name, value in others)


def _meaning(meaning: Meaning) -> str:
    modes = [mode for mode in MODES if any(mode in use.modes for use in meaning.reads)]
    if not modes:
        return "refused: it has no meaning here"
    text = f"read by {', '.join(modes)}"
    if meaning.tasks != ALL:
        text += f", for {' and '.join(_TASKS[task] for task in meaning.tasks)} models"
    if meaning.models:
        text += f" ({', '.join(f'`{name}`' for name in meaning.models)})"
    return text


def paddlex_page() -> str:
    """PaddleX's keys, one by one."""
    from docs.site.pages import table

    rows = [
        (
            f"[{key}](configuration.md#{key.lower().replace('.', '-')})",
            "" if meaning.stock.value is None else f"`{_shown(meaning.stock.value)}`",
            _meaning(meaning),
            "; ".join(dict.fromkeys(remedy.text for remedy in meaning.remedies)),
        )
        for key, meaning in meanings().items()
        if meaning.stock is not None
    ]
    rows += [(f"`{key}`", "", "refused", reason) for key, reason in REFUSED.items() if key not in meanings()]
    return (
        "# PaddleX's keys\n\n"
        "The keys of the module configurations of PaddleX 3.7.2 and what becomes of them here. A key at its stock "
        "value passes with one warning where it has no meaning; any other value of it is refused.\n\n"
        + table(("key", "stock value", "here", "where it has no meaning"), rows)
        + "\n\nKeys that are not in this table and not in PaddleX are additions: see "
        "[Configuration](configuration.md).\n"
    )
