"""Every model with random weights on every runtime and with fewer bits, and the page `docs/runtimes.md` from it.

``scripts/bench runtimes`` runs it; it takes an hour. What was measured of a model is kept as JSON and measured again
only with other versions of the runtimes, so a stopped run goes on; ``--only precisions`` measures the cheap part alone.
A row of the page stays until its model is measured again with the versions that the page names.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segcli.models.table import MODELS
from tests.bench.runtimes.one_model import PARTS, PRECISIONS, RUNTIMES, has_fewer_bits, installed_versions
from tests.bench.runtimes.page import MODEL_NAMES, page, times

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "runtimes.md"
_MOST_SECONDS = 3600


def main(arguments: Sequence[str]) -> int:
    """Measures what is not measured yet and writes the page; 1 where a model runs nowhere."""
    options = _parser().parse_args(arguments)
    options.results.mkdir(parents=True, exist_ok=True)
    names = [name for name in MODEL_NAMES if name in (options.models or MODELS)]
    if not options.table:
        # the small ones first: most of the table is there early
        for name in sorted(names, key=lambda name: MODELS[name].parameters_million or 0.0):
            _measure(name, options.results / f"{name}.json", options.only)
    files = [options.results / f"{name}.json" for name in names]
    found = [json.loads(file.read_text(encoding="utf-8")) for file in files if file.is_file()]
    text = page(found, PAGE.read_text(encoding="utf-8"))
    if options.page:
        PAGE.write_text(text, encoding="utf-8")
    print(text)  # noqa: T201
    return 1 if not found or any((RUNTIMES in one or "fault" in one) and not times(one) for one in found) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench runtimes", description=__doc__)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), metavar="NAME", help="only these")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="what to measure")
    parser.add_argument("--results", type=Path, default=Path("output/runtimes"), help="folder of the JSON files")
    parser.add_argument("--table", action="store_true", help="print the table of what was measured, measure nothing")
    parser.add_argument("--page", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    return parser


def _measure(name: str, file: Path, wanted: Sequence[str]) -> None:
    """Measures the parts of a model that its file does not have with these versions, in a process of its own."""
    known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    if known.get("versions") != installed_versions():
        known = {}
        file.unlink(missing_ok=True)
    able = [part for part in wanted if part != PRECISIONS or has_fewer_bits(name)]
    parts = [part for part in able if part not in known]
    if not parts:
        return
    command = [sys.executable, "-m", "tests.bench.runtimes.one_model", name, str(file.absolute()), *parts]
    try:
        done = subprocess.run(command, cwd=ROOT, timeout=_MOST_SECONDS, capture_output=True, text=True, check=False)
        fault = done.stderr[-300:] if done.returncode else None
    except subprocess.TimeoutExpired:
        fault = f"took longer than {_MOST_SECONDS} s"
    if fault is not None:
        file.write_text(json.dumps({"model": name, "fault": fault}), encoding="utf-8")
