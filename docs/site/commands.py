"""The reference of the commands, from their descriptions for programs."""

from __future__ import annotations

from typing import Any

import typer

from segcli.cli.describe import describe
from segcli.cli.main import main


def page() -> str:
    """All commands with their arguments and options."""
    from docs.site.pages import table

    program = typer.main.get_command(main)
    described = describe(program, typer.Context(program, info_name="segcli"))
    codes = table(("exit code", "means"), described["exit_codes"].items())
    parts = [
        "# Commands\n",
        "Each command is the function of the same name in Python, and the mode of the same name of `main.py`. "
        "`segcli --help-json` gives this page for programs; `segcli --install-completion` sets up the shell.\n",
        codes + "\n",
    ]
    for command in described["commands"]:
        parts.append(_command(command))
    return "\n".join(parts)


def _command(command: dict[str, Any]) -> str:
    from docs.site.pages import table

    usage = " ".join(_usage(one) for one in command["arguments"])
    parts = [
        f"## segcli {command['name']}\n",
        f"{command['help']}\n",
        f"```text\nsegcli {command['name']} {usage} [OPTIONS]\n```\n".replace("  ", " "),
    ]
    rows = [(f"`{one['metavar'] or one['name'].upper()}`", one["help"] or "", "") for one in command["arguments"]]
    rows += [
        (", ".join(f"`{name}`" for name in one["names"]) + _value(one), _text(one), _key(one["key"]))
        for one in command["options"]
        if not one["hidden"]
    ]
    return "\n".join([*parts, table(("option", "what it does", "key"), rows), ""])


def _usage(argument: dict[str, Any]) -> str:
    name = argument["metavar"] or argument["name"].upper()
    name = f"{name}..." if argument["repeatable"] else name
    return name if argument["required"] else f"[{name}]"


def _value(option: dict[str, Any]) -> str:
    if option["type"] == "flag":
        return ""
    words = "|".join(option["choices"]) if option["choices"] else option["metavar"] or option["type"].upper()
    return f" `{words}`"


def _text(option: dict[str, Any]) -> str:
    text = option["help"] or ""
    if option["default"] not in (None, False):
        text += f" Default: `{option['default']}`."
    if option["repeatable"] and "repeatable" not in text:
        text += " Repeatable."
    return text


def _key(key: str | None) -> str:
    return "" if key is None else f"[{key}](configuration.md#{key.lower().replace('.', '-')})"
