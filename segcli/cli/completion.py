"""What the shell offers while a command is typed: models, keys and values of the configuration, rule ids."""

import json
from collections.abc import Iterable
from typing import get_args

from segcli.cli.shell_words import open_key

Offers = list[tuple[str, str]]
"""Words with their explanations."""


def complete_model(incomplete: str) -> Offers:
    """Models whose names begin so."""
    from segcli.models.names import MODEL_TASKS

    return [(name, task.value) for name, task in MODEL_TASKS.items() if name.startswith(incomplete)]


def complete_promptable(incomplete: str) -> Offers:
    """Models that take prompts."""
    from segcli.models.names import MODEL_TASKS

    return [(name, task) for name, task in complete_model(incomplete) if MODEL_TASKS[name].facts.takes_prompts]


def complete_override(incomplete: str) -> list[str]:
    """Keys of the configuration: section by section, then the key with its ``=``, then its values.

    A section or a key that is the only one is offered with what follows it: a shell ends a word after the only answer.
    """
    if open_key():
        return _beginning(_values(open_key()), incomplete)
    key, equals, _ = incomplete.partition("=")
    if equals:
        return _beginning(_assignments(key), incomplete)
    words = _keys(incomplete)
    while len(words) == 1 and words[0].endswith("."):
        words = _keys(words[0])
    return _assignments(words[0].removesuffix("=")) if len(words) == 1 else words


def _keys(begun: str) -> list[str]:
    """Keys and sections that begin so, down to the next dot."""
    from segcli.config.check import REFUSED
    from segcli.config.keys import leaves

    below = begun.rpartition(".")[0]
    depth = len(below) + 1 if below else 0
    words: dict[str, None] = {}
    for name in leaves():
        if name.startswith(begun) and name not in REFUSED:
            inner = name[depth:].partition(".")
            words[f"{name[:depth]}{inner[0]}{'.' if inner[1] else '='}"] = None
    return list(words)


def _assignments(key: str) -> list[str]:
    """The key with each of its values; where they are not words, alone and with its default, if it has one."""
    from segcli.config.keys import leaves

    words = _values(key)
    if words or key not in leaves():
        return [f"{key}={word}" for word in words]
    if leaves()[key].is_required():
        return [f"{key}="]
    default = leaves()[key].get_default(call_default_factory=True)
    shown = default if isinstance(default, str) else json.dumps(default, default=str, separators=(",", ":"))
    return list(dict.fromkeys([f"{key}=", f"{key}={shown}"]))


def complete_rules(incomplete: str) -> Offers:
    """Rule ids with their titles; the last of several that stand between commas."""
    from segcli.rules import RULES

    before, comma, begun = incomplete.rpartition(",")
    return [(f"{before}{comma}{rule.id}", rule.title) for rule in RULES.values() if rule.id.startswith(begun.upper())]


def complete_pipeline(incomplete: str) -> Offers:
    """Pipelines by name; their files and model folders are completed by the shell."""
    from segcli.steps.pipelines.table import PIPELINES

    return [(name, row.about) for name, row in PIPELINES.items() if name.startswith(incomplete)]


def complete_runtime(incomplete: str) -> list[str]:
    """Runtimes of exported models."""
    from segcli.runtimes import runtime_names

    return _beginning(runtime_names(), incomplete)


def complete_model_format(incomplete: str) -> list[str]:
    """Formats of an exported model."""
    from segcli.runtimes import export_formats

    return _beginning(export_formats(), incomplete)


def complete_executor(incomplete: str) -> list[str]:
    """What can run the workers of a batch."""
    from segcli.steps.batch.executors.table import EXECUTORS

    return _beginning(EXECUTORS, incomplete)


def complete_saved(incomplete: str) -> list[str]:
    """What `predict` writes for a promptable model."""
    return _beginning(_values("Predict.promptable.formats"), incomplete)


def complete_written(incomplete: str) -> Offers:
    """Files that `predict` writes; the last of several that stand between commas."""
    from segcli.outputs import OUTPUTS

    before, comma, last = incomplete.rpartition(",")
    return [(f"{before}{comma}{row.name}", row.about) for row in OUTPUTS.values() if row.name.startswith(last)]


def complete_dataset_format(incomplete: str) -> list[str]:
    """Formats of a dataset."""
    from segcli.data.formats.table import formats

    return _beginning(formats(), incomplete)


def complete_device(incomplete: str) -> list[str]:
    """Kinds of devices."""
    return _beginning(("auto", "cpu", "gpu", "gpu:0"), incomplete)


def complete_masks(incomplete: str) -> list[str]:
    """Forms of the masks in the JSON."""
    return _beginning(_values("Predict.json_form"), incomplete)


def _values(key: str) -> tuple[str, ...]:
    """The words that a key of the configuration may hold."""
    from segcli.config.keys import alternatives, choices, leaves

    if key == "Global.model":
        return tuple(name for name, _ in complete_model(""))
    rule = leaves().get(key)
    if rule is None:
        return ()
    kinds = alternatives(rule.annotation)
    inner = [word for kind in kinds for part in get_args(kind) for word in get_args(part) if isinstance(word, str)]
    return (*choices(rule), *inner, *(("True", "False") if bool in kinds else ()))


def _beginning(words: Iterable[str], begun: str) -> list[str]:
    return [word for word in words if word.startswith(begun)]
