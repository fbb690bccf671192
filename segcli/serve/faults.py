"""Error replies: an HTTP status, and a message that says what to change."""

from __future__ import annotations

from segcli.errors import ConfigError, InputError, SegcliError, UsageError

BAD, TOO_LARGE, UNPROCESSABLE, BUSY, TOO_LATE, INTERNAL = 400, 413, 422, 503, 504, 500


class RefusedError(Exception):
    """A request that is refused.

    Attributes:
        status: HTTP status code.
        message: Message for the client.
        retry_after: Seconds after which the client may retry; None if a retry does not help.
    """

    def __init__(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.retry_after = status, message, retry_after

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers of the reply."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


def busy(message: str = "the queue is full") -> RefusedError:
    """The error of a service that accepts no more requests at the moment."""
    return RefusedError(BUSY, message, retry_after=1)


def refusal_of(error: Exception) -> RefusedError | None:
    """The reply for an error that the request caused; None for an internal error of the service."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, ConfigError):
        return RefusedError(UNPROCESSABLE, "; ".join(str(fault) for fault in error.faults))
    if isinstance(error, UsageError):
        return RefusedError(UNPROCESSABLE, _text(error))
    if isinstance(error, InputError):
        return RefusedError(BAD, _text(error))
    return None


def _text(error: SegcliError) -> str:
    return f"{error.message}{f' ({error.hint})' if error.hint else ''}"
