"""`segcli --help-json`: the commands with their arguments and options, for programs and for the reference page."""

from collections.abc import Iterator
from enum import Enum, EnumMeta
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from segcli.cli.help import summary
from segcli.cli.options import Key

_TYPES = {str: "text", Path: "path", int: "integer", float: "number", bool: "flag"}
EXIT_CODES = {
    0: "done",
    1: "failed, or done in part",
    2: "wrong usage or configuration",
    3: "the dataset is invalid",
    129: "stopped by SIGHUP",
    130: "stopped by Ctrl-C",
    143: "stopped by SIGTERM",
}


def describe(program: Any, context: Any) -> dict[str, Any]:
    """The whole program.

    Args:
        program: The group of commands.
        context: Its context.
    """
    from segcli.version import __version__

    return {
        "program": "segcli",
        "version": __version__,
        "help": summary(program),
        "exit_codes": {str(code): meaning for code, meaning in EXIT_CODES.items()},
        "commands": [_command(path, command, context) for path, command in _commands(program, context, ())],
    }


def _commands(group: Any, context: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if hasattr(command, "list_commands"):
            yield from _commands(command, context, (*path, name))
        elif not command.hidden:
            yield (*path, name), command


def _command(path: tuple[str, ...], command: Any, context: Any) -> dict[str, Any]:
    hints = get_type_hints(command.callback, include_extras=True)
    described = [(one.param_type_name, _parameter(one, hints[one.name])) for one in command.params if one.name in hints]
    return {
        "name": " ".join(path),
        "summary": summary(command),
        "help": command.help or "",
        "arguments": [values for kind, values in described if kind == "argument"],
        "options": [values for kind, values in described if kind == "option"],
    }


def _parameter(parameter: Any, hint: Any) -> dict[str, Any]:
    annotation, *notes = get_args(hint) if hasattr(hint, "__metadata__") else (hint,)
    kind, repeatable = _kind(annotation)
    key = next((note.name for note in notes if isinstance(note, Key)), None)
    return {
        "name": parameter.name if parameter.param_type_name == "argument" else parameter.opts[0],
        "names": list(parameter.opts),
        "metavar": parameter.metavar,
        "type": _TYPES.get(kind, "text"),
        "choices": _choices(kind),
        "minimum": getattr(parameter, "min", None),
        "maximum": getattr(parameter, "max", None),
        "default": _plain(parameter.default),
        "required": bool(parameter.required),
        "repeatable": repeatable,
        "help": parameter.help,
        "group": _text(getattr(parameter, "rich_help_panel", None)),
        "key": key,
        "hidden": bool(getattr(parameter, "hidden", False)),
    }


def _choices(kind: type) -> list[Any] | None:
    if not isinstance(kind, EnumMeta):
        return None
    members: list[Enum] = list(kind)
    return [member.value for member in members]


def _kind(annotation: Any) -> tuple[type, bool]:
    """The class of one value, and whether there may be several."""
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(one for one in get_args(annotation) if one is not NoneType)
    if get_origin(annotation) is list:
        return get_args(annotation)[0], True
    return annotation, False


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return value if isinstance(value, (bool, int, float, str, NoneType)) else str(value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
