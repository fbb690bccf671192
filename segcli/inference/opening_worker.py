"""Opens one network under limits and exits; run as a separate process, see `segcli.inference.first_opening`.

Usage: ``python -m segcli.inference.opening_worker JSON``, where JSON holds the arguments of `main` by name.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path

from segcli.inference.opening_budget import MEMORY_OVER, is_out_of_memory, limit_this_process

_FAILED = 4


def main(
    *, size: int, runtime: str, stem: str, program: str | None, weights: str | None, onednn: bool, foreign: bool
) -> int:
    """Opens a network of `size` bytes (other arguments as in `Graph`); returns the exit status."""
    from segcli.inference.graphs import Graph
    from segcli.inference.runtimes.open_graph import module_of
    from segcli.runtimes import runtimes

    row = runtimes()[runtime]
    import_module(row.package)
    program_file, weights_file = (None if path is None else Path(path) for path in (program, weights))
    graph = Graph(Path(stem), program_file, weights_file, onednn=onednn, foreign=foreign)
    file = graph.readable_by(row)
    if file is None:
        return _FAILED
    limit_this_process(size)
    try:
        module_of(row).open_graph(graph, file, "cpu", 1)
    except Exception as fault:
        return MEMORY_OVER if is_out_of_memory(fault) else _FAILED
    return 0


if __name__ == "__main__":
    status = main(**json.loads(sys.argv[1]))
    os._exit(status)  # skips the libraries' own clean-up
