"""Runs the benchmarks and prints one table: ``python -m tests.bench [WORD ...] [--json FILE] [--page FILE]``.

Each module runs in a process of its own, so that none meets memory, threads or caches of another.
``compare BEFORE AFTER`` puts two files of ``--json`` side by side. ``--peers [NAME ...]`` makes the environments of
other tools. ``gpu``, ``learn``, ``runtimes``, ``shares``, ``tiles`` and ``verdict`` run only when they are
named.
"""

from __future__ import annotations

import argparse
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import tests.bench
from segcli.lazy import load_object
from tests.bench import runs
from tests.bench.table import Row, as_text

_ONE = "--one"
_COMMANDS = {
    "gpu": "tests.bench.gpu:main",
    "learn": "tests.bench.learn.command:main",
    "runtimes": "tests.bench.runtimes.command:main",
    "shares": "tests.bench.shares:main",
    "tiles": "tests.bench.tiles:main",
    "verdict": "tests.bench.verdict.command:main",
    "compare": "tests.bench.__main__:compare",
    "--peers": "tests.bench.peers.environments:make",
    _ONE: "tests.bench.__main__:print_one",
}
"""Imported when they are asked for: some need Paddle, one is for machines without it."""


def main(words: list[str]) -> int:
    """Runs every module ``bench_*`` whose name holds one of the words, or all quick ones; 1 when a bar is missed."""
    command = _COMMANDS.get(words[0]) if words else None
    return _measure(words) if command is None else int(load_object(command)(words[1:]))


def print_one(words: list[str]) -> int:
    """Prints the rows of a module as JSON."""
    sys.stdout.write(runs.as_json(import_module(f"tests.bench.{words[0]}").run()))
    return 0


def _measure(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD", help="only benchmarks with one of these in their names")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows for `scripts/bench compare` too")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the rows into a page, as docs/measured.md")
    options = parser.parse_args(words)
    names = sorted(info.name for info in pkgutil.iter_modules(tests.bench.__path__) if info.name.startswith("bench_"))
    if unknown := [word for word in options.words if not any(word in name for name in names)]:
        known = ", ".join([*(name.removeprefix("bench_") for name in names), *_COMMANDS]).removesuffix(f", {_ONE}")
        parser.error(f"no benchmark has {' or '.join(unknown)} in its name; there are {known}")
    try:  # before an hour of measuring, not after it
        runs.require_writable(options.json, options.page)
    except (OSError, ValueError) as fault:
        parser.error(str(fault))
    chosen = [name for name in names if any(word in name for word in options.words) or not options.words]
    rows: list[Row] = []
    failed: list[str] = []
    for name in chosen:
        try:
            rows += _alone(name)
        except ValueError as fault:
            failed.append(name)
            print(f"{name} failed: {fault}", file=sys.stderr)  # noqa: T201
        if options.json is not None:  # after each, so that a stopped run is not lost
            options.json.write_text(runs.as_json(rows, failed), encoding="utf-8")
    if options.page is not None and rows:
        runs.write_page(rows, options.page, is_whole=not options.words)
    print(as_text(rows))  # noqa: T201
    return 0 if rows and not failed and all(row.passes for row in rows) else 1


def _alone(name: str) -> list[Row]:
    """The rows of a module, measured in a process of its own.

    Raises:
        ValueError: It failed.
    """
    command = [sys.executable, "-m", "tests.bench", _ONE, name]
    done = subprocess.run(command, cwd=runs.ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr.strip()[-2000:])
    return runs.rows_of(done.stdout[done.stdout.index("{\n") :])


def compare(words: list[str]) -> int:
    """Prints two files of ``--json`` side by side; 1 where a row is worse."""
    if len(words) != 2:
        print("scripts/bench compare BEFORE.json AFTER.json", file=sys.stderr)  # noqa: T201
        return 2
    try:
        before, after = (runs.read(Path(word)) for word in words)
    except (OSError, ValueError) as fault:
        print(fault, file=sys.stderr)  # noqa: T201
        return 2
    text, worse = runs.compare(before.rows, after.rows)
    for name, run in (("before", before), ("after", after)):
        print(f"{name}: {run.origin}")  # noqa: T201
    print(text)  # noqa: T201
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
