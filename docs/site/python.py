"""The reference of the Python functions, from their signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import segcli
from segcli.lazy import load_object

_SECTIONS = ("Args", "Returns", "Raises", "Attributes")
RESULTS = (
    "segcli.steps.check.result:CheckResult",
    "segcli.steps.convert.plan:ConvertReport",
    "segcli.steps.split.plan:SplitReport",
    "segcli.steps.train.result:TrainResult",
    "segcli.steps.evaluate.result:EvaluateResult",
    "segcli.steps.evaluate.instance:InstanceEvaluateResult",
    "segcli.steps.evaluate.promptable:PromptableEvaluateResult",
    "segcli.steps.export.result:ExportResult",
    "segcli.steps.predict.result:PredictResult",
)
"""What the functions return."""


def page() -> str:
    """The public functions, the opened model, the result objects and the errors."""
    names = [name for name in segcli.__all__ if not name.startswith("_")]
    parts = ["# Python\n", _plain(inspect.getdoc(segcli) or ""), ""]
    parts += [_entry(f"segcli.{name}", getattr(segcli, name)) for name in names]
    model = load_object("segcli.steps.predict.model:Model")
    parts += ["## Model\n", _body(model), _entry("Model.predict", model.predict, level=3)]
    parts += [
        "## Results\n",
        "`as_dict()` is what the result file and `--json` hold.\n",
    ]
    parts += [_entry(name.rpartition(":")[2], load_object(name), level=3) for name in RESULTS]
    errors = load_object("segcli.errors:SegcliError").__module__
    parts += ["## Errors\n", inspect.getdoc(__import__(errors, fromlist=["errors"])) or ""]
    return "\n".join(parts) + "\n"


def _entry(name: str, thing: Any, *, level: int = 2) -> str:
    signature = "" if inspect.isclass(thing) else f"```python\n{_signature(name, thing)}\n```\n"
    return f"{'#' * level} {name}\n\n{signature}\n{_body(thing)}\n"


def _signature(name: str, function: Any) -> str:
    signature = inspect.signature(function)
    kinds, lines = [one.kind for one in signature.parameters.values()], []
    for number, parameter in enumerate(signature.parameters.values()):
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.kind not in kinds[:number]:
            lines.append("*")
        lines.append(str(parameter).replace("'", ""))
    returned = str(signature.return_annotation).replace("'", "")
    inner = "".join(f"    {line},\n" for line in lines)
    return f"{name}(\n{inner}) -> {returned}"


def _body(thing: Any) -> str:
    """A docstring in Google style as Markdown."""
    text, example = _without_examples(inspect.getdoc(thing) or "")
    head, *sections = re.split(rf"^({'|'.join(_SECTIONS)}):$", text, flags=re.MULTILINE)
    parts = [_plain(head.strip()), ""]
    for title, content in zip(sections[::2], sections[1::2], strict=True):
        parts += [f"**{title}**\n", *_entries(title, content), ""]
    if example:
        parts += [f"```pycon\n{example}\n```", ""]
    return "\n".join(parts)


def _entries(title: str, content: str) -> Iterator[str]:
    content = inspect.cleandoc(content)
    if title == "Returns":
        yield content
        return
    for name, text in re.findall(r"^(\w+): (.*(?:\n .*)*)", content, flags=re.MULTILINE):
        yield f"- `{name}`: {' '.join(text.split())}"


def _without_examples(text: str) -> tuple[str, str]:
    before, mark, example = text.partition(">>> ")
    return before.rstrip(), (mark + example).strip()


def _plain(text: str) -> str:
    """reStructuredText's marks as Markdown's: ``code``, and blocks of Python after ``::``."""
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    return re.sub(r"::\n\n((?:    .*\n|\n)+)", lambda block: f":\n\n{_fenced(block[1])}\n", text)


def _fenced(block: str) -> str:
    return f"```python\n{dedent(block).strip()}\n```\n"
