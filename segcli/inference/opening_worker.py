"""Opens one network under limits and exits; run as a separate process, see `segcli.inference.first_opening`.

Usage: ``python -m segcli.inference.opening_worker JSON``, where JSON holds the arguments of `main` by name.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path

from segcli.inference.opening_budget import MEMORY_OVER, most_bytes, most_seconds

_FAILED = 4
_SIGNS = ("bad_alloc", "bad allocation", "allocate", "ResourceExhausted", "out of memory", "Out of memory")


def main(*, size: int, runtime: str, stem: str, program: str | None, weights: str | None, onednn: bool) -> int:
    """Opens a network of `size` bytes (other arguments as in `Graph`); returns the exit status."""
    from segcli.inference.graphs import Graph
    from segcli.inference.runtimes.open_graph import module_of
    from segcli.runtimes import runtimes

    row = runtimes()[runtime]
    import_module(row.package)
    program_file, weights_file = (None if path is None else Path(path) for path in (program, weights))
    graph = Graph(Path(stem), program_file, weights_file, onednn=onednn)
    file = graph.readable_by(row)
    if file is None:
        return _FAILED
    _limit(size)
    try:
        module_of(row).open_graph(graph, file, "cpu", 1)
    except MemoryError:
        return MEMORY_OVER
    except Exception as fault:
        return MEMORY_OVER if any(sign in str(fault) for sign in _SIGNS) else _FAILED
    return 0


def _limit(size: int) -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + most_seconds(size)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:  # not on macOS, which does not enforce such a limit either
        return
    space = pages * os.sysconf("SC_PAGE_SIZE") + most_bytes(size)
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (space if hard == resource.RLIM_INFINITY else min(space, hard), hard))


if __name__ == "__main__":
    status = main(**json.loads(sys.argv[1]))
    os._exit(status)  # skips the libraries' own clean-up
