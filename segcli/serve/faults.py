"""What a client is told: a status, and a message that says what to change."""

from __future__ import annotations

from segcli.errors import ConfigError, InputError, SegcliError, UsageError

BAD, TOO_LARGE, UNPROCESSABLE, BUSY, TOO_LATE, INTERNAL = 400, 413, 422, 503, 504, 500


class RefusedError(Exception):
    """An answer that is no result.

    Attributes:
        status: HTTP's.
        message: For the client.
        retry_after: Seconds after which it is worth to ask again; None where it is not.
    """

    def __init__(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.retry_after = status, message, retry_after

    @property
    def headers(self) -> dict[str, str]:
        """Of the answer."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


def busy(message: str = "the queue is full") -> RefusedError:
    """The service can take no more now."""
    return RefusedError(BUSY, message, retry_after=1)


def refusal_of(error: Exception) -> RefusedError | None:
    """What an error of the pipeline means for the client who caused it; None where the fault is the service's."""
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
