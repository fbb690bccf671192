"""Given keys without effect: refused, or listed in one warning if they are PaddleX's keys at their stock values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from segcli.config.keys import OPTIONAL_SECTIONS, leaves, meanings
from segcli.config.schema import Config
from segcli.config.tree import value_at
from segcli.errors import ConfigFault
from segcli.models.names import MODEL_TASKS

_NOTHING = {"target_size": -1}
"""Values that are the same as not set."""


def refused_keys(config: Config, given: Mapping[str, str], written: Mapping[str, str]) -> Iterator[ConfigFault]:
    """Faults of the given keys that have no effect for the model.

    A PaddleX key is accepted at the value of PaddleX's own configurations, and any key in a file at its default. What
    an earlier version read is accepted in the file of a training that is there: its weights are still of use.

    Args:
        config: The typed values.
        given: Origin of each key that was given, by dotted name.
        written: Those of them that are in the file.
    """
    model = config.Global.model
    task = MODEL_TASKS[model]
    values = config.model_dump()
    is_trained = config.Global.mode != "train" or config.Train.resume_path is not None
    refused: set[str] = set()
    for key, meaning in meanings().items():
        if key not in given or meaning.modes(model, task):
            continue
        value, default = value_at(values, key), leaves()[key].get_default(call_default_factory=True)
        is_stock = meaning.stock is not None and value in (meaning.stock.value, None)
        if is_stock or (value == default and (key in written or value is None)):
            continue
        if is_trained and key in written and meaning.was_read(task):
            continue
        parent = key.rpartition(".")[0]
        named = parent if parent in OPTIONAL_SECTIONS else key
        if named not in refused:
            refused.add(named)
            message = f"has no meaning for {model} ({task.value})"
            yield ConfigFault(named, message, meaning.instead(task) or "leave it out", given[key])


def meaningless_arguments(model: str, section: str, arguments: Mapping[str, object]) -> list[ConfigFault]:
    """Faults of a call's arguments that have no effect for a model, as keys of a section; None counts as unset."""
    task = MODEL_TASKS[model]
    faults = []
    for name, value in arguments.items():
        meaning = meanings().get(f"{section}.{name}")
        if meaning is None or value in (None, _NOTHING.get(name)) or "predict" in meaning.modes(model, task):
            continue
        remedy = meaning.instead(task) or "leave it out"
        faults.append(ConfigFault(name, f"has no meaning for {model} ({task.value})", remedy))
    return faults


def unread_keys(config: Config, given: Mapping[str, str], written: Mapping[str, str]) -> str | None:
    """One sentence that lists the given keys without effect in this run; None if there are none.

    Keys in a file are listed only if they are PaddleX's and have no effect for the model, as one file serves all modes.
    """
    model, mode = config.Global.model, config.Global.mode
    task = MODEL_TASKS[model]
    unread: list[str] = []
    for key, meaning in meanings().items():
        if key not in given:
            continue
        modes = meaning.modes(model, task)
        here = mode in modes if key not in written else bool(modes) or leaves()[key].default == value_of(config, key)
        if not here:
            read_by = f"; {' and '.join(modes)} read{'s' if len(modes) == 1 else ''} it" if modes else ""
            unread.append(f"{key} ({given[key]}{read_by})")
    return f"not read by {mode} of {model}: {', '.join(unread)}" if unread else None


def value_of(config: Config, key: str) -> object:
    """The value of a dotted key, as plain data."""
    return value_at(config.model_dump(), key)
