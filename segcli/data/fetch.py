"""The content behind a URL in memory, within limits; how it is received is `segcli.data.transfer`."""

from __future__ import annotations

from segcli.data.transfer import ConnectionBroke, Limits, TransferError, get
from segcli.errors import InputError
from segcli.text import without_password

IMAGE_LIMITS = Limits(most_bytes=100 << 20, seconds=120.0)
"""What an image may take that the user names."""


def fetch_bytes(url: str, limits: Limits = IMAGE_LIMITS) -> bytes:
    """The content behind a URL.

    Raises:
        InputError: The URL is no http(s) one, the server cannot be reached, refuses or must not be contacted, or a
            limit is passed.
    """
    try:
        with get(url, limits) as answer:
            return b"".join(answer.chunks())
    except TransferError as fault:
        hint = "send the image itself" if limits.public_only else "check the URL, or give a local file"
        message = f"cannot be fetched: {fault}" if isinstance(fault, ConnectionBroke) else str(fault)
        raise InputError(message, path=without_password(url), hint=hint) from fault
