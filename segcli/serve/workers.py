"""A service of several processes on one port: the kernel gives each connection to one of them."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from typing import Any

from segcli.cores import available_cores
from segcli.errors import SegcliError, UsageError
from segcli.serve.run import STOP_SECONDS, Running, require_packages, serve
from segcli.serve.settings import METRICS_FOLDER, ServeSettings
from segcli.signals import ENDING

log = logging.getLogger("segcli.serve")

THREADS = "OMP_NUM_THREADS"
_BACKLOG = 2048
_PAUSE_SECONDS = 0.5
_GRACE_SECONDS = 5


@dataclass
class Workers:
    """The processes of a service.

    Attributes:
        settings: Settings of each process.
        listening: The socket that all of them accept connections from.
        count: Number of processes.
    """

    settings: ServeSettings
    listening: socket.socket
    count: int
    _running: dict[Any, Connection] = field(default_factory=dict)
    _ending: threading.Event = field(default_factory=threading.Event)

    def start(self) -> tuple[tuple[str, str], ...]:
        """Starts all processes; returns what they serve once all have opened their models.

        Raises:
            SegcliError: A model cannot be opened.
        """
        started = [self._start_one() for _ in range(self.count)]
        served = [self._when_ready(process) for process in started]
        return served[0]

    def watch(self) -> None:
        """Replaces processes that die, until a stop is requested.

        Raises:
            SegcliError: None is left, and a new one fails at its start.
        """
        while not self.is_ending:
            wait([process.sentinel for process in self._running], timeout=_PAUSE_SECONDS)
            for process in [one for one in self._running if not one.is_alive()]:
                self._forget(process)
                if not self.is_ending:
                    log.warning("a worker died (exit code %s); another takes its place", process.exitcode)
            while len(self._running) < self.count and not self.is_ending and self._replaced():
                pass

    def _replaced(self) -> bool:
        """Starts a process for one that died; whether it is ready."""
        process = self._start_one()
        try:
            self._when_ready(process)
        except SegcliError as fault:
            process.join()
            self._forget(process)
            if not self._running:
                raise
            log.warning("the new worker cannot start and is tried again: %s", fault)
            return False
        return True

    @property
    def is_ending(self) -> bool:
        """Whether a stop is requested."""
        return self._ending.is_set()

    def stop(self) -> None:
        """Lets all processes finish their open requests and end."""
        self._ending.set()
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.join(STOP_SECONDS + _GRACE_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()

    def request_stop(self) -> None:
        """Makes `watch` return."""
        self._ending.set()

    def _start_one(self) -> Any:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=_work, args=(self.settings, self.listening, there), name="segcli-serve")
        process.start()
        there.close()
        self._running[process] = here
        return process

    def _when_ready(self, process: Any) -> tuple[tuple[str, str], ...]:
        """What a process serves once its models are open; nothing if a stop is requested before."""
        connection = self._running[process]
        while not connection.poll(_PAUSE_SECONDS):
            if self.is_ending:
                return ()
        try:
            answer = connection.recv()
        except EOFError:
            process.join()
            raise SegcliError(f"a worker of the service died with exit code {process.exitcode} at its start") from None
        if isinstance(answer, SegcliError):
            raise answer
        return tuple(answer)

    def _forget(self, process: Any) -> None:
        from prometheus_client import multiprocess

        self._running.pop(process).close()
        forget: Any = multiprocess.mark_process_dead  # which has no types
        forget(process.pid)


def serve_with(workers: int, settings: ServeSettings, on_ready: Callable[[Running], None]) -> None:
    """Like `serve`, in several processes; each opens the models and has queues, streams and embeddings of its own.

    Args:
        workers: Number of processes.
        settings: Settings of the service; the cores are shared among the processes.
        on_ready: Called once all processes accept requests.

    Raises:
        MissingPartError: A package that serving needs is not installed.
        UsageError: The port cannot be used.
        SegcliError: A model cannot be opened, or processes die one after another.
    """
    require_packages()
    cores = max(1, available_cores() // workers)
    with _listening(settings) as listening, _environment(cores), _signals() as told:
        group = Workers(replace(settings, cores=cores), listening, workers)
        told.append(group.request_stop)
        try:
            served = group.start()
            url = f"http://{settings.host}:{listening.getsockname()[1]}"
            if not group.is_ending:
                on_ready(Running(url, served, group.request_stop))
            group.watch()
        finally:
            group.stop()


def _work(settings: ServeSettings, listening: socket.socket, parent: Connection) -> None:
    """The process of a worker."""
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    try:
        serve(settings, lambda running: parent.send(running.served), [listening])
    except SegcliError as fault:
        parent.send(fault)


def _end_with_parent(parent: Connection) -> None:
    """Ends this process when the supervising one is gone, however it ended."""
    with contextlib.suppress(EOFError, OSError):
        parent.recv()
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _listening(settings: ServeSettings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family=family) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((settings.host, settings.port))
        except OSError as fault:
            raise UsageError(
                f"cannot listen on {settings.host}:{settings.port}: {fault}", hint="give another --port or --host"
            ) from fault
        listening.listen(_BACKLOG)
        yield listening


@contextmanager
def _environment(cores: int) -> Iterator[None]:
    """The environment of the processes: their share of the cores, and a folder for the counters of all."""
    with tempfile.TemporaryDirectory(prefix="segcli-metrics-") as folder:
        before = dict(os.environ)
        os.environ.update({THREADS: before.get(THREADS, str(cores)), METRICS_FOLDER: folder})
        try:
            yield
        finally:
            for name in (THREADS, METRICS_FOLDER):
                os.environ.pop(name)
                os.environ.update({name: before[name]} if name in before else {})


@contextmanager
def _signals() -> Iterator[list[Callable[[], None]]]:
    """Calls the functions in the list it yields on a signal that asks for the end, unless that one is ignored.

    Only the main thread can do that.
    """
    told: list[Callable[[], None]] = []
    if threading.current_thread() is not threading.main_thread():
        yield told
        return

    def on_signal(*_: object) -> None:
        for call in told:
            call()

    heard = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]  # as under nohup
    before = {number: signal.signal(number, on_signal) for number in heard}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
