"""External requests that a training checks between iterations: a signal to stop, or a checkpoint due by time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from segcli.processes import gathered
from segcli.signals import Request

_SECONDS = 60.0


@dataclass(frozen=True)
class OutsideRequest:
    """An external request.

    Attributes:
        signal: Number of the signal to stop; 0 for none.
        time_passed: Whether a checkpoint is due because of the time since the last one.
    """

    signal: int = 0
    time_passed: bool = False

    @property
    def checkpoint_due(self) -> bool:
        """Whether a checkpoint is to be written now."""
        return bool(self.signal) or self.time_passed


class Outside:
    """Checks signals and the clock.

    Several processes must end, and write checkpoints, at the same iteration: they check together, and only every
    `agree_every` iterations, since the exchange waits for the slowest process.

    Args:
        request: Receives the signals of this process.
        minutes: Minutes between checkpoints; None for none.
        agree_every: Iterations between two exchanges among several processes.
        world_size: Number of processes.
        asked_elsewhere: Returns the signal that the launching process received; None for none.
    """

    def __init__(
        self,
        request: Request,
        *,
        minutes: float | None,
        agree_every: int = 1,
        world_size: int = 1,
        asked_elsewhere: Callable[[], int | None] = lambda: None,
    ) -> None:
        self.world_size = world_size
        self._request = request
        self._seconds = None if minutes is None else minutes * _SECONDS
        self._agree_every = agree_every
        self._asked_elsewhere = asked_elsewhere
        self._saved_at = time.monotonic()

    def saved(self) -> None:
        """Restarts the time until the next checkpoint; called after one has been written."""
        self._saved_at = time.monotonic()

    def look(self, iteration: int, *, agreed: bool = False) -> OutsideRequest:
        """The request after an iteration, the same in all processes.

        Args:
            iteration: Iterations done.
            agreed: Whether all processes check now, whatever the iteration.
        """
        if self.world_size == 1:
            return self._here()
        if iteration % self._agree_every and not agreed:
            return OutsideRequest()
        return self._together(self._here())

    def _here(self) -> OutsideRequest:
        signal = self._request.number or self._asked_elsewhere() or 0
        passed = self._seconds is not None and time.monotonic() - self._saved_at >= self._seconds
        return OutsideRequest(signal, passed)

    @staticmethod
    def _together(request: OutsideRequest) -> OutsideRequest:
        all_requests = gathered(request)
        return OutsideRequest(max(one.signal for one in all_requests), any(one.time_passed for one in all_requests))
