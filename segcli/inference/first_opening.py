"""Opens a network in a separate process first if it was never opened on this machine before.

Paddle, ONNX Runtime and OpenVINO read their files in C++: a damaged or hostile file can crash the process, use all its
memory or keep it busy for ever, and no `except` catches that. The separate process has limits, and its failure becomes
an ordinary error. Networks that were opened once are remembered by the digests of their files in the cache of this
machine, because a record inside the model's folder cannot be trusted.
"""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from segcli.children import child_environment
from segcli.errors import WeightsError
from segcli.inference.graphs import Graph
from segcli.inference.opening_budget import WALL_TIMES, how_it_ended, most_seconds
from segcli.inference.proofs import version_of
from segcli.runtimes import RuntimeRow
from segcli.weights.cache import cache_folder
from segcli.weights.digests import digest_of

log = logging.getLogger("segcli.predict")

FOLDER = "opened"
"""Folder in the cache with an empty file for each network that was opened."""
WORKER = "segcli.inference.opening_worker"
_known: set[str] = set()
_trusted: ContextVar[bool] = ContextVar("the files were written here", default=False)


@contextmanager
def written_here() -> Iterator[None]:
    """Trusts the networks that are opened inside the block, which this process wrote, from then on."""
    token = _trusted.set(True)
    try:
        yield
    finally:
        _trusted.reset(token)


def require_openable(graph: Graph, file: Path, row: RuntimeRow) -> None:
    """Opens a file of a network in a separate process, once per machine.

    Runtimes of plug-ins are not tried: the separate process may not find their code.

    Raises:
        WeightsError: That process crashed, or used more memory or time than files of this size need.
    """
    if not row.module.startswith("."):
        return
    files = list(graph.files_of(file))
    key = _key(row, files)
    if key in _known or (cache_folder() / FOLDER / key).is_file():
        return
    if not _trusted.get():
        _try(graph, file, row, sum(path.stat().st_size for path in files))
    _remember(key)


def _try(graph: Graph, file: Path, row: RuntimeRow, size: int) -> None:
    given = {
        "size": size,
        "runtime": row.name,
        "stem": str(graph.stem),
        "program": None if graph.program is None else str(graph.program),
        "weights": None if graph.weights is None else str(graph.weights),
        "onednn": graph.onednn,
        "foreign": graph.foreign,
    }
    command = [sys.executable, "-m", WORKER, json.dumps(given)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            env=child_environment(OMP_NUM_THREADS="1"),
            timeout=WALL_TIMES * most_seconds(size),
        )
    except subprocess.TimeoutExpired as fault:
        raise _refused(file, row, f"is not done after {fault.timeout:.0f} s") from fault
    except OSError as fault:  # no process can be started here
        log.debug("%s is opened without a trial: %s", file, fault)
        return
    how = how_it_ended(done.returncode, size)
    if how is not None:
        raise _refused(file, row, how)


def _refused(file: Path, row: RuntimeRow, how: str) -> WeightsError:
    hint = "do not use this file: download the model again, or write it again with segcli export"
    return WeightsError(f"{row.name} cannot open this model: reading it {how}", path=file, hint=hint)


def _key(row: RuntimeRow, files: Sequence[Path]) -> str:
    words = [row.name, version_of(row), *(digest_of(path) for path in files)]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()


def _remember(key: str) -> None:
    _known.add(key)
    try:
        folder = cache_folder() / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        (folder / key).touch()
    except (OSError, RuntimeError) as fault:  # RuntimeError: there is no home folder
        log.debug("cannot remember that the model was opened: %s", fault)
