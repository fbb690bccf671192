"""Workers as processes on this machine."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import Signals

from segcli.children import child_environment
from segcli.cores import available_cores
from segcli.errors import SegcliError
from segcli.parent import END_WITH_PARENT
from segcli.steps.batch.executors.protocol import PAUSE_S
from segcli.steps.batch.job import LOGS, Job

log = logging.getLogger("segcli.batch")

_MOST_DEATHS = 10
"""Deaths in a row, without a finished shard between them, after which the images cannot be the cause."""
_TAIL = 12
"""Lines from the end of a failed worker's log that the message quotes."""
_STOPPING_S = 20


@contextmanager
def started(job: Job, workers: int) -> Iterator[LocalPool]:
    """Starts processes; see `segcli.steps.batch.executors.protocol.ExecutorModule`."""
    pool = LocalPool(job, workers)
    try:
        yield pool
    finally:
        pool.stop()


class LocalPool:
    """Processes on this machine; see `segcli.steps.batch.executors.protocol.Pool`."""

    def __init__(self, job: Job, workers: int) -> None:
        self._job = job
        self._workers = workers
        self._deaths, self._done = 0, len(job.done())
        self._running = {number: self._start(number) for number in range(workers)}

    def is_working(self) -> bool:
        """See `Pool`."""
        if self._running:
            next(iter(self._running.values())).wait_a_moment()
        for number, process in list(self._running.items()):
            code = process.code()
            if code is None:
                continue
            process.reap()
            if code == 0:
                del self._running[number]
            else:
                self._running[number] = self._restarted(number, process, code)
        return bool(self._running)

    def stop(self) -> None:
        """Ends all running workers; their shards are released."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.reap()

    def _restarted(self, number: int, process: _Worker, code: int) -> _Worker:
        if code > 0:
            raise SegcliError(f"a worker failed: {process.last_words()}", path=process.log)
        done = len(self._job.done())
        self._deaths = 1 if done > self._done else self._deaths + 1
        self._done = done
        death = f"worker {number} was ended by {Signals(-code).name}"
        if self._deaths >= _MOST_DEATHS:
            raise SegcliError(
                f"{death}, the {_MOST_DEATHS}th in a row: {process.last_words()}",
                path=process.log,
                hint="fewer --workers need less memory",
            )
        log.warning("%s; a new worker replaces it", death)
        return self._start(number)

    def _start(self, number: int) -> _Worker:
        threads = max(1, available_cores() // self._workers)
        command = [sys.executable, "-m", "segcli", "batch", "--join", str(self._job.folder)]
        command += ["--worker", str(number), "--workers", str(self._workers)]
        environment = {"OMP_NUM_THREADS": str(threads), **child_environment(**{END_WITH_PARENT: "1"})}
        return _Worker(command, self._job.folder / LOGS / f"worker_{number}.log", environment)


class _Worker:
    """A process and its log."""

    def __init__(self, command: list[str], log_file: Path, environment: dict[str, str]) -> None:
        self.log = log_file
        with log_file.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches only this process, which ends the workers in order
            )

    def code(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def wait_a_moment(self) -> None:
        """Waits briefly for its end."""
        try:
            self._process.wait(PAUSE_S)
        except subprocess.TimeoutExpired:
            return
        time.sleep(0.01)  # workers that end together are handled together

    def terminate(self) -> None:
        """Sends SIGTERM."""
        self._process.terminate()

    def reap(self) -> None:
        """Waits for its end; kills it after a time limit."""
        try:
            self._process.wait(_STOPPING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def last_words(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return " ".join(line.strip() for line in lines[-_TAIL:] if line.strip())
