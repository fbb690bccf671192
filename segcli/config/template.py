"""Writes `configs/<task>/<Model>.yaml`: every key with a comment, both taken from the schema.

``python -m segcli.config.template configs`` writes the files of all models of the table; a test checks that the
committed ones are what this writes.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from segcli.config.check import REFUSED
from segcli.config.keys import choices, describe, leaves, sections
from segcli.config.load import MODEL_DEFAULTS, TASK_DEFAULTS
from segcli.config.show import scalar
from segcli.data.files import write_text_atomic
from segcli.models.names import MODEL_TASKS
from segcli.models.table import MODELS
from segcli.models.task import Task

_LEFT_OUT = (
    "Global.export_with_pir",
    "Train.uniform_output_enabled",
    "Train.plan_reasons",
    "Predict.kernel_option",
    "Predict.engine",
    "Predict.engine_config",
    "Predict.use_hpip",
    "Predict.hpi_config",
)
"""Keys that exist for configurations of PaddleX alone; ours say the same by `Predict.runtime`."""
_PROMPTABLE_ONLY = ("Train.promptable", "Predict.prompts", "Predict.promptable")
_TASK_VALUES: dict[Task, dict[str, Any]] = {
    Task.SEMANTIC: {"Global.dataset_dir": "data", "Predict.model_dir": None},
    Task.INSTANCE: {"Global.dataset_dir": "data", "Predict.model_dir": None},
    Task.PROMPTABLE: {
        "Global.mode": "predict",
        "Global.dataset_dir": "data",
        "Predict.input": "image.jpg",
        "Predict.model_dir": None,
    },
}
"""Values that a file needs to be accepted as it stands."""
_PLANNED = {
    "Train.plan": "auto",
    "Train.epochs_iters": None,
    "Train.batch_size": None,
    "Train.eval_interval": None,
}
"""What the plan chooses where a task has one."""
_TRAINING = "-o Global.dataset_dir=data -o Global.mode=train"
_TASK_WORDS = {
    Task.SEMANTIC: _TRAINING,
    Task.INSTANCE: _TRAINING,
    Task.PROMPTABLE: "-o Predict.model_dir=weights.pdparams Predict.input=image.jpg Predict.prompts=prompts.json",
}
"""How a user begins with a model of the task."""


def template(model: str) -> str:
    """The commented configuration of a model.

    Raises:
        KeyError: There is no such model.
    """
    task = MODEL_TASKS[model]
    planned = {} if task is Task.PROMPTABLE else _PLANNED
    own = {**TASK_DEFAULTS[task], **MODEL_DEFAULTS.get(model, {})}
    given = {"Global.model": model, **own, **_TASK_VALUES[task], **planned}
    head = [
        f"# {model} ({task.value.replace('_', ' ')}). Keys with their defaults; any can be left out or set with -o.",
        f"# python main.py -c configs/{task.value}/{model}.yaml {_TASK_WORDS[task]}",
    ]
    return "\n".join([*head, "", *_body(model, given, "", 0)]).rstrip() + "\n"


def _body(model: str, given: dict[str, Any], prefix: str, depth: int) -> Iterator[str]:
    asked = MODEL_TASKS[model] is Task.PROMPTABLE
    for name, rule in sections()[prefix.rstrip(".")].model_fields.items():
        key = f"{prefix}{name}"
        if key in REFUSED or key in _LEFT_OUT or (key in _PROMPTABLE_ONLY and not asked):
            continue
        yield from _comment(key, model, depth)
        value = given.get(key, rule.get_default(call_default_factory=True))
        if key in leaves() or value is None:
            yield f"{'  ' * depth}{name}: {scalar(list(value) if isinstance(value, tuple) else value)}"
        else:
            yield f"{'  ' * depth}{name}:"
            yield from _body(model, given, f"{key}.", depth + 1)
        if depth == 0:
            yield ""


def _comment(key: str, model: str, depth: int) -> list[str]:
    text = describe(key).replace("``", "").replace("`", "").replace("None", "null")
    words = choices(leaves()[key]) if key in leaves() else []
    if words and not all(word in text for word in words):
        text = f"{text.rstrip('.')}: {', '.join(words)}."
    recipe = MODELS[model].recipe if model in MODELS else None
    known = {"Train.learning_rate": "learning_rate", "Train.warmup_steps": "warmup_steps"}
    if recipe is not None and key in known:
        text = f"{text.rstrip('.')} ({getattr(recipe, known[key])})."
    margin = "  " * depth + "# "
    return textwrap.wrap(text, 118, initial_indent=margin, subsequent_indent=margin)


def write_all(folder: Path) -> list[Path]:
    """Writes the file of every model of the table into `folder` and returns them."""
    written = []
    for name, spec in MODELS.items():
        path = folder / spec.task.value / f"{name}.yaml"
        write_text_atomic(path, template(name))
        written.append(path)
    return written


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
