"""Runs the benchmarks and prints one table: ``python -m tests.bench [WORD ...]``.

``learn``, ``runtimes`` and ``verdict``, which take long, run only when they are named.
"""

from __future__ import annotations

import pkgutil
import sys
from importlib import import_module

import tests.bench
from tests.bench import verdict
from tests.bench.learn import command as learn
from tests.bench.runtimes import command as runtimes
from tests.bench.table import as_text


def main(words: list[str]) -> int:
    """Runs every module ``bench_*`` whose name holds one of the words, or all quick ones; 1 when a bar is missed."""
    if words[:1] == ["learn"]:
        return learn.main(words[1:])
    if words[:1] == ["runtimes"]:
        return runtimes.main(words[1:])
    if words[:1] == ["verdict"]:
        return verdict.main(words[1:])
    names = sorted(info.name for info in pkgutil.iter_modules(tests.bench.__path__) if info.name.startswith("bench_"))
    chosen = [name for name in names if any(word in name for word in words) or not words]
    rows = [row for name in chosen for row in import_module(f"tests.bench.{name}").run()]
    print(as_text(rows))  # noqa: T201
    return 0 if rows and all(row.passes for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
