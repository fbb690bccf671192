"""Every model with random weights on every runtime, and the page `docs/runtimes.md` from it.

``scripts/bench runtimes`` runs it; it takes an hour. What was measured of a model is kept as JSON and measured again
only with other versions of the runtimes, so a stopped run goes on. A row of the page stays until its model is measured
again with the versions that the page names.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segcli.inference.proofs import version_of
from segcli.models.promptable.specs import ALIASES
from segcli.models.table import MODELS
from segcli.runtimes import runtimes

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "runtimes.md"
NAMES = {"paddle": "Paddle", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}
PADDLE = "paddle"
_NAMES = [name for name in MODELS if name not in ALIASES]
_MOST_SECONDS = 3600
_OFF = re.compile(r"off by ([\d.]+(?:e[-+]\d+)?)")
_HEAD = """# Models on runtimes

Which model runs on which runtime, whether the answers are equal, and what one image costs: CPU milliseconds of all
threads after a run that warms up, the least of three, on one thread. `scripts/bench runtimes` makes this page: it
exports every model with random weights, converts it, and compares each runtime with Paddle's program on a generated
image. The sizes are small: times show which runtime suits a network, not what a photograph costs. They were taken
beside other work.

"Equal" names the largest difference of a raw output relative to the largest value, or the objects that are equal; a
runtime that is not equal is never used. R-CNN has two parts there: its convolutions run on the fast runtime, its
proposals on Paddle. `runtime=auto` measures on your machine and takes the fastest that was proven.
"""


def main(arguments: Sequence[str]) -> int:
    """Measures what is not measured yet and writes the page; 1 where a model runs nowhere."""
    options = _parser().parse_args(arguments)
    options.results.mkdir(parents=True, exist_ok=True)
    names = [name for name in _NAMES if name in (options.models or MODELS)]
    if not options.table:
        # the small ones first: most of the table is there early
        for name in sorted(names, key=lambda name: MODELS[name].parameters_million or 0.0):
            _measure(name, options.results / f"{name}.json")
    files = [options.results / f"{name}.json" for name in names]
    found = [json.loads(file.read_text(encoding="utf-8")) for file in files if file.is_file()]
    text = page(found, PAGE.read_text(encoding="utf-8"))
    if options.page:
        PAGE.write_text(text, encoding="utf-8")
    print(text)  # noqa: T201
    return 0 if found and all(_times(one) for one in found) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench runtimes", description=__doc__)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), metavar="NAME", help="only these")
    parser.add_argument("--results", type=Path, default=Path("output/runtimes"), help="folder of the JSON files")
    parser.add_argument("--table", action="store_true", help="print the table of what was measured, measure nothing")
    parser.add_argument("--page", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    return parser


def _measure(name: str, file: Path) -> None:
    """Measures a model in a process of its own, unless its file is of these versions."""
    versions = {row.name: version_of(row) for row in runtimes().values() if row.is_installed}
    if file.is_file():
        known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if {key: value["version"] for key, value in known.get("runtimes", {}).items()} == versions:
            return
    command = [sys.executable, "-m", "tests.bench.runtimes.one_model", name, str(file.absolute())]
    try:
        done = subprocess.run(command, cwd=ROOT, timeout=_MOST_SECONDS, capture_output=True, text=True, check=False)
        fault = done.stderr[-300:] if done.returncode else None
    except subprocess.TimeoutExpired:
        fault = f"took longer than {_MOST_SECONDS} s"
    if fault is not None:
        file.write_text(json.dumps({"model": name, "fault": fault}), encoding="utf-8")


def _times(found: dict[str, Any]) -> dict[str, float]:
    """CPU milliseconds by runtime, of those whose answers are equal."""
    return {name: one["cpu_ms"] for name, one in found.get("runtimes", {}).items() if one["agrees"]}


def page(found: list[dict[str, Any]], before: str = "") -> str:
    """The Markdown page of what was measured.

    Args:
        found: What is known of each model.
        before: The page as it was: rows of other models are kept if it names the same versions.
    """
    shown = [name for name in NAMES if any(name in one.get("runtimes", {}) for one in found)]
    versions = {name: one["runtimes"][name]["version"] for one in found if "runtimes" in one for name in shown}
    said = "Versions: " + ", ".join(f"{NAMES[name]} {versions[name].split(' ')[0]}" for name in shown) + "."
    rows = (_rows(before) if said in before else {}) | {one["model"]: _line(one, shown) for one in found}
    lines = [_HEAD, said + "\n"]
    lines.append("| model | input | converts | equal | " + " | ".join(f"{NAMES[name]}, ms" for name in shown) + " |")
    lines.append("| --- " * (4 + len(shown)) + "|")
    lines += [rows[name] for name in _NAMES if name in rows]
    if len(rows) < len(_NAMES):
        lines.append(
            f"\n{len(rows)} of {len(_NAMES)} models are measured here; `scripts/bench runtimes --page` does the rest."
        )
    twins = {alias: name for alias, name in ALIASES.items() if name in rows}
    if twins:
        said = ", ".join(f"{alias} is {name}" for alias, name in twins.items())
        lines.append(f"\n{said}: another name of the same network.")
    return "\n".join(lines) + "\n"


def _rows(text: str) -> dict[str, str]:
    """The rows of a page, by model."""
    cells = ((line.split("|")[1].strip(), line) for line in text.splitlines() if line.startswith("| "))
    return {model: line for model, line in cells if model in _NAMES}


def _line(one: dict[str, Any], shown: list[str]) -> str:
    if "fault" in one:
        return f"| {one['model']} | | no: {_short(one['fault'])} |" + " |" * (1 + len(shown))
    rows = one["runtimes"]
    fast = [name for name in shown if name != PADDLE]
    able = [name for name in fast if rows[name]["agrees"] is not None]
    converts = "no" if not able else "convolutions" if one["split"] else "yes"
    equal = _equal([rows[name] for name in fast])
    best = min(_times(one).values(), default=None)
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
    text = f"{row['cpu_ms']:.0f}" if row["cpu_ms"] >= 10 else f"{row['cpu_ms']:.1f}"
    return f"**{text}**" if row["cpu_ms"] == best else text


def _short(text: str) -> str:
    """One line for a cell of a table."""
    return " ".join(text.replace("|", "/").split())[:160]
