"""Images from a URL; nothing else in predict touches the network."""

from __future__ import annotations

from segcli.errors import InputError

TIMEOUT_SECONDS = (10, 30)
"""To connect, and between two pieces of the answer."""
MOST_BYTES = 100 << 20
_CHUNK_BYTES = 1 << 16


def is_address(text: str) -> bool:
    """Whether a text is an ``http(s)`` URL."""
    return text.lower().startswith(("http://", "https://"))


def fetch_image(url: str) -> bytes:
    """The content behind a URL, at most 100 MiB.

    Raises:
        InputError: The server cannot be reached, refuses, or sends more.
    """
    import requests

    try:
        with requests.get(url, timeout=TIMEOUT_SECONDS, stream=True) as answer:
            answer.raise_for_status()
            content = bytearray()
            for chunk in answer.iter_content(_CHUNK_BYTES):
                content += chunk
                if len(content) > MOST_BYTES:
                    raise InputError(f"is larger than {MOST_BYTES >> 20} MiB", path=url)
    except requests.RequestException as fault:
        raise InputError(f"cannot be fetched: {fault}", path=url, hint="give a local file") from fault
    return bytes(content)
