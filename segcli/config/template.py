"""Writes `configs/`: `default.yaml` with every key and its meaning, and a short file per model with its recipe.

``python -m segcli.config.template configs`` writes them all; a test checks that the committed files are up to date.
Values are comments: what is not uncommented is left to the recipe and the plan.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from segcli.config.check import REFUSED
from segcli.config.keys import OPTIONAL_SECTIONS, choices, describe, leaves, meanings, sections
from segcli.config.load import from_values
from segcli.config.schema import Config
from segcli.config.schema.meaning import ALL, Meaning
from segcli.config.show import RECIPE_KEYS, scalar
from segcli.config.tree import value_at
from segcli.data.files import write_text_atomic
from segcli.models.names import MODEL_TASKS, PARAMETERS_MILLION
from segcli.models.table import MODELS

DEFAULT_FILE = "default.yaml"
_WIDTH = 118
_TRAINING = "-o Global.dataset_dir=data -o Global.mode=train"
_PROMPTING = "-o Predict.model_dir=weights.pdparams Predict.input=image.jpg Predict.prompts=prompts.json"
_NEEDED = {"Global.model": "PP-LiteSeg-T", "Global.dataset_dir": "data"}
"""Values that the default file needs to be valid as it is."""


def template(model: str) -> str:
    """The configuration of a model: the required keys, and its recipe as commented lines.

    Raises:
        KeyError: There is no such model.
    """
    task = MODEL_TASKS[model]
    given: dict[str, Any] = {"Global.model": model, "Global.mode": "check_dataset", "Global.dataset_dir": "data"}
    first_run = _TRAINING
    if task.facts.takes_prompts:
        given |= {"Global.mode": "predict", "Predict.input": "image.jpg"}
        first_run = _PROMPTING
    config = from_values(given).config
    lines = [
        f"# {model} ({task.value.replace('_', ' ')}, {PARAMETERS_MILLION[model]:g} million parameters).",
        f"# python main.py -c configs/{task.value}/{model}.yaml {first_run}",
        *_given(given),
    ]
    if MODELS[model].recipe is not None:
        lines += ["", "# Its recipe: uncomment a line to change it. Every other key: configs/default.yaml", "Train:"]
        lines += [f"  # {line}" for line in _recipe(config)]
    return "\n".join(lines) + "\n"


def default_template() -> str:
    """Every key with its default and its meaning."""
    lines = [
        "# Every key, its meaning and its default. Copy the lines that you need into a file of your own, or use",
        "# -o Section.key=value. (semantic), (instance), (promptable): the models for which a key has a meaning.",
        "",
        *_section("", 0),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _given(values: dict[str, Any]) -> Iterator[str]:
    section = ""
    for key, value in values.items():
        owner, _, name = key.partition(".")
        if owner != section:
            section = owner
            yield f"{owner}:"
        yield f"  {name}: {scalar(value)}"


def _recipe(config: Config) -> Iterator[str]:
    """The lines of the recipe, without indent."""
    values = config.model_dump(mode="json")
    for key in RECIPE_KEYS:
        name, value = key.partition(".")[2], value_at(values, key)
        if value is None:
            continue
        if isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"{name}:"
            yield from (f"  - {scalar(entry)}" for entry in value)
        else:
            yield f"{name}: {scalar(value)}"


def _section(prefix: str, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for name, rule in sections()[prefix.rstrip(".")].model_fields.items():
        key = f"{prefix}{name}"
        if key in REFUSED:
            continue
        yield from _comment(key, depth)
        if key in _NEEDED:
            yield f"{indent}{name}: {_NEEDED[key]}"
        elif key in leaves() or key in OPTIONAL_SECTIONS:
            default = rule.get_default(call_default_factory=True)
            yield f"{indent}# {name}: {scalar(list(default) if isinstance(default, tuple) else default)}"
        else:
            yield f"{indent}{name}:"
            yield from _section(f"{key}.", depth + 1)
        if depth == 0:
            yield ""


def _comment(key: str, depth: int) -> list[str]:
    text = plain(key)
    inner = next((name for name in meanings() if name == key or name.startswith(f"{key}.")), key)
    whose = whose_key(meanings()[inner]) if key in leaves() or key in OPTIONAL_SECTIONS else ""
    if whose and whose not in text:
        text = f"{text.rstrip('.')} {whose}."
    margin = "  " * depth + "# "
    return textwrap.wrap(text, _WIDTH, initial_indent=margin, subsequent_indent=margin)


def plain(key: str) -> str:
    """The meaning of a key as plain text, with its possible values."""
    text = describe(key).replace("``", "").replace("`", "").replace("None", "null")
    words = choices(leaves()[key]) if key in leaves() else []
    return f"{text.rstrip('.')}: {', '.join(words)}." if words and not all(word in text for word in words) else text


def whose_key(meaning: Meaning) -> str:
    """The models for which a key has an effect, in parentheses; empty if it has one for all."""
    if meaning.models:
        return f"({', '.join(meaning.models)})"
    return "" if meaning.tasks in (ALL, ()) else f"({', '.join(task.facts.name for task in meaning.tasks)})"


def write_all(folder: Path) -> list[Path]:
    """Writes `default.yaml` and the file of every model into `folder` and returns them."""
    texts = {folder / DEFAULT_FILE: default_template()}
    texts.update({folder / spec.task.value / f"{name}.yaml": template(name) for name, spec in MODELS.items()})
    for path, text in texts.items():
        write_text_atomic(path, text)
    return list(texts)


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
