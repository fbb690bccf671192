"""The page `docs/runtimes.md`: every model on every runtime, and with fewer bits."""

from __future__ import annotations

import re
from typing import Any

from segcli.inference.precision import HALVES
from segcli.models.promptable.specs import ALIASES
from segcli.models.table import MODELS
from segcli.steps.quantize.command import EIGHT_BITS
from tests.bench.runtimes.one_model import PRECISIONS, RUNTIMES, has_fewer_bits

NAMES = {"paddle": "Paddle", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}
PADDLE = "paddle"
MODEL_NAMES = [name for name in MODELS if name not in ALIASES]
_OFF = re.compile(r"off by (?:at most )?([\d.]+(?:e[-+]\d+)?)")
_HEAD = """# Models on runtimes

Which model runs on which runtime, whether the answers are equal, and what one image costs: CPU milliseconds of all
threads after a run that warms up, the least of three, on one thread. `scripts/bench runtimes` makes this page: it
exports every model with random weights, converts it, and compares each runtime with Paddle's program on a generated
image. The sizes are small: times show which runtime suits a network, not what a photograph costs. They were taken
beside other work, so compare them within a row; "processor" names the widest instructions of the one that was used.

"Equal" names the largest difference of a raw output relative to the largest value, or the objects that are equal; a
runtime that is not equal is never used. R-CNN has two parts there: its convolutions run on the fast runtime, its
proposals on Paddle. `runtime=auto` takes the fastest that was proven, by times of this processor.
"""
_SIXTEEN = "16 bits, where the cell is empty: "
_FEWER_TITLE = "## With 8 and 16 bits"
_FEWER = f"""
{_FEWER_TITLE}

`segcli models quantize` makes models of fewer bits and measures their score before and after, which needs trained
weights. With random weights this is known: the size of the ONNX file with 32 and with 8 bits, how many labels (and by
how much a raw output differs at most, relative to the largest value) or objects are those of 32 bits, and the time of
one image as above. Random weights decide narrowly, so trained ones agree more: the column warns of networks that 8 bits
break.
"""


def times(found: dict[str, Any]) -> dict[str, float]:
    """CPU milliseconds by runtime, of those whose answers are equal."""
    return {name: one["cpu_ms"] for name, one in found.get("runtimes", {}).items() if one["agrees"]}


def page(found: list[dict[str, Any]], before: str = "") -> str:
    """The Markdown page of what was measured.

    Args:
        found: What is known of each model.
        before: The page as it was: rows of other models are kept if it names the same versions.
    """
    versions = {name: version for one in found for name, version in one.get("versions", {}).items()}
    shown = [name for name in NAMES if name in versions]
    said = "Versions: " + ", ".join(f"{NAMES[name]} {versions[name].split(' ')[0]}" for name in shown) + "."
    whole, _, fewer = before.partition(_FEWER_TITLE) if said in before else ("", "", "")
    heads = ["model", "input", "converts", "equal", *(f"{NAMES[name]}, ms" for name in shown), "processor"]
    rows = _rows(whole) | {
        one["model"]: f"{_line(one, shown)} {_processor(one)} |" for one in found if RUNTIMES in one or "fault" in one
    }
    lines = [_HEAD, said + "\n", *_table(heads, rows)]
    lines += _missing(rows, MODEL_NAMES)
    twins = {alias: name for alias, name in ALIASES.items() if name in rows}
    if twins:
        same = ", ".join(f"{alias} is {name}" for alias, name in twins.items())
        lines.append(f"\n{same}: another name of the same network.")
    return "\n".join([*lines, *_fewer_bits(found, fewer, [name for name in shown if name != PADDLE])]) + "\n"


def _fewer_bits(found: list[dict[str, Any]], before: str, shown: list[str]) -> list[str]:
    """The table of models of 8 bits, and why there is none of 16."""
    able = [name for name in MODEL_NAMES if has_fewer_bits(name)]
    eight = {one["model"]: one[PRECISIONS][EIGHT_BITS] for one in found if PRECISIONS in one}
    halves = {one["model"]: {name: one[PRECISIONS][name] for name in HALVES} for one in found if PRECISIONS in one}
    by_model = {one["model"]: one for one in found}
    rows = _rows(before) | {
        name: f"{_fewer_line(name, one, halves[name], shown)} {_processor(by_model[name])} |"
        for name, one in eight.items()
    }
    if not rows:
        return []
    heads = [
        "model",
        "MB, 32 bits",
        "MB, 8 bits",
        "as with 32 bits",
        *(f"{NAMES[name]}, ms" for name in shown),
        "16 bits, ms",
        "processor",
    ]
    lines = [_FEWER, *_table(heads, rows), *_missing(rows, able)]
    others = len(MODEL_NAMES) - len(able)
    lines.append(f"\nThe other {others} models are refused: R-CNNs run in two parts, promptable models answer prompts.")
    faults = {one["fault"] for of_model in halves.values() for one in of_model.values() if "fault" in one}
    said = [line for line in before.splitlines() if line.startswith(_SIXTEEN)]
    reasons = [f"{_SIXTEEN}{fault}." for fault in sorted(faults)] or said
    return [*lines, *(f"\n{line}" for line in reasons)]


def _processor(one: dict[str, Any]) -> str:
    return str(one.get("processor", ""))


def _table(heads: list[str], rows: dict[str, str]) -> list[str]:
    ordered = [rows[name] for name in MODEL_NAMES if name in rows]
    return ["| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|", *ordered]


def _missing(rows: dict[str, str], able: list[str]) -> list[str]:
    """A sentence where models are not measured yet."""
    if len(rows) >= len(able):
        return []
    return [f"\n{len(rows)} of {len(able)} models are measured here; `scripts/bench runtimes --page` does the rest."]


def _fewer_line(name: str, one: dict[str, Any], halves: dict[str, dict[str, Any]], shown: list[str]) -> str:
    sixteen = "; ".join(
        f"{half} {_milliseconds(found, None)}"
        for half, measured in halves.items()
        for found in measured.get("cpu_ms", {}).values()
        if found is not None
    )
    if "fault" in one:
        return f"| {name} | | | no: {_short(one['fault'])} |" + " |" * len(shown) + f" {sixteen} |"
    sizes = " | ".join(f"{one[key] / 1e6:.1f}" for key in ("bytes_before", "bytes_after"))
    times_of = {key: value for key, value in one["cpu_ms"].items() if value is not None}
    best = min(times_of.values(), default=None)
    cells = [_milliseconds(times_of[key], best) if key in times_of else "no" for key in shown]
    return f"| {name} | {sizes} | {one['difference']} | " + " | ".join([*cells, sixteen]) + " |"


def _rows(text: str) -> dict[str, str]:
    """The rows of a table, by model."""
    cells = ((line.split("|")[1].strip(), line) for line in text.splitlines() if line.startswith("| "))
    return {model: line for model, line in cells if model in MODEL_NAMES}


def _line(one: dict[str, Any], shown: list[str]) -> str:
    if "fault" in one:
        return f"| {one['model']} | | no: {_short(one['fault'])} |" + " |" * (1 + len(shown))
    rows = one["runtimes"]
    fast = [name for name in shown if name != PADDLE]
    able = [name for name in fast if rows[name]["agrees"] is not None]
    converts = "no" if not able else "convolutions" if one["split"] else "yes"
    equal = _equal([rows[name] for name in fast])
    best = min(times(one).values(), default=None)
    cells = [_cell(rows[name], best) for name in shown]
    return f"| {one['model']} | {one['input']} | {converts} | {equal} | " + " | ".join(cells) + " |"


def _equal(rows: list[dict[str, Any]]) -> str:
    """Whether the fast runtimes answer as Paddle does, and by how much a raw output differs at most."""
    others = [_short(row["detail"]) for row in rows if not row["agrees"]]
    if others:
        return "; ".join(dict.fromkeys(others))
    return f"yes, {max(float(found) for row in rows for found in _OFF.findall(row['detail'] + ' off by 0e+0')):.0e}"


def _cell(row: dict[str, Any], best: float | None) -> str:
    if not row["agrees"]:
        return "not equal" if row["agrees"] is False else ""
    return _milliseconds(row["cpu_ms"], best)


def _milliseconds(found: float, best: float | None) -> str:
    text = f"{found:.0f}" if found >= 10 else f"{found:.1f}"
    return f"**{text}**" if found == best else text


def _short(text: str) -> str:
    """One line for a cell of a table."""
    return " ".join(text.replace("|", "/").split())[:160]
