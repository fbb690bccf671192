"""Images from a URL; nothing else in predict touches the network."""

from __future__ import annotations


def is_address(text: str) -> bool:
    """Whether a text is an ``http(s)`` URL."""
    return text.lower().startswith(("http://", "https://"))


def fetch_image(url: str) -> bytes:
    """The content behind a URL, at most 100 MiB within two minutes.

    Raises:
        InputError: The server cannot be reached, refuses, sends more, or takes longer.
    """
    from segcli.data.fetch import fetch_bytes  # with all that speaks HTTP

    return fetch_bytes(url)
