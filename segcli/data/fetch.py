"""The content behind a URL, within limits: of bytes, of time in all, of redirects, and of whom may be asked."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ipaddress import ip_address
from threading import Timer
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from segcli.errors import InputError

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

SCHEMES = {"http": 80, "https": 443}
REDIRECTS = frozenset({301, 302, 303, 307, 308})
CONNECT_SECONDS, SILENCE_SECONDS = 10.0, 30.0
"""To connect, and between two pieces of the answer; both end with the time in all."""
_CHUNK_BYTES = 1 << 16
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "segcli"}
"""No compressed transfer: the limit of bytes is that of the content."""


@dataclass(frozen=True)
class FetchLimits:
    """What a fetch may take.

    Attributes:
        most_bytes: Of the content.
        seconds: In all, redirects included.
        redirects: How many are followed.
        public_only: Whether only servers on the public internet are asked, directly and by the address that was
            checked; for a service, whose users must not reach what it can reach. Otherwise an intranet and the
            machine's proxies are the user's own.
    """

    most_bytes: int = 100 << 20
    seconds: float = 120.0
    redirects: int = 5
    public_only: bool = False


def fetch_bytes(url: str, limits: FetchLimits | None = None) -> bytes:
    """The content behind a URL.

    Raises:
        InputError: The URL is no http(s) one, the server cannot be reached, refuses or is not to be asked, or a limit
            is passed.
    """
    limits = limits or FetchLimits()
    end = time.monotonic() + limits.seconds
    target = url
    for _ in range(limits.redirects + 1):
        with _answer(target, url, limits, end) as answer:
            if answer.status not in REDIRECTS:
                return _content(answer, url, limits, end)
            target = urljoin(target, answer.headers.get("Location", ""))
    raise InputError(f"is redirected more than {limits.redirects} times", path=url, hint="give a local file")


@contextmanager
def _answer(target: str, url: str, limits: FetchLimits, end: float) -> Iterator[BaseHTTPResponse | HTTPResponse]:
    """The head of the server's answer, body to be read; what goes wrong is told of `url`, which the user gave."""
    import requests
    from urllib3.exceptions import HTTPError

    answer: Any = None
    watches: list[Timer] = []
    try:
        parts = urlsplit(target)
        if parts.scheme not in SCHEMES or not parts.hostname:
            raise InputError(f"leads to {target!r}; only http and https are fetched", path=url)
        answer = _ask_public(target, url, end, watches) if limits.public_only else _ask(target, end)
        yield answer
    except (requests.RequestException, HTTPError, HTTPException, OSError, ValueError) as fault:
        late = "timed out" in str(fault) or time.monotonic() >= end
        reason = "takes too long" if late else f"cannot be fetched: {type(fault).__name__}"
        raise InputError(reason, path=url, hint="check the URL, or give a local file") from fault
    finally:
        for watch in watches:
            watch.cancel()
        if answer is not None:
            answer.close()


def _ask(target: str, end: float) -> Any:
    import requests

    connect, silence = _timeouts(end)
    return requests.get(target, headers=_HEADERS, timeout=(connect, silence), stream=True, allow_redirects=False).raw


def _ask_public(target: str, url: str, end: float, watches: list[Timer]) -> HTTPResponse:
    """Asks the very address that was checked, so that a second look-up of the name cannot lead elsewhere.

    `watches` takes the timer that ends the connection when the time in all is over.
    """
    parts = urlsplit(target)
    host, port = str(parts.hostname), parts.port or SCHEMES[parts.scheme]
    connect, silence = _timeouts(end)
    connection = HTTPConnection(_public_address(host, port, url), port, timeout=connect)
    try:
        connection.connect()
        # whatever drips, be it the handshake or a header, ends with the time in all
        watch = Timer(max(0.0, end - time.monotonic()), _break, (connection.sock,))
        watch.daemon = True
        watch.start()
        watches.append(watch)
        if parts.scheme == "https":
            connection.sock = _verified(connection.sock, host)
        connection.sock.settimeout(silence)
        connection.putrequest(
            "GET",
            f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}",
            skip_host=True,
            skip_accept_encoding=True,
        )
        for name, value in {"Host": parts.netloc.rpartition("@")[2], "Connection": "close", **_HEADERS}.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse()
    except BaseException:
        connection.close()
        raise


def _break(connected: socket.socket) -> None:
    with suppress(OSError):  # it is closed already
        connected.shutdown(socket.SHUT_RDWR)


def _verified(plain: socket.socket, host: str) -> socket.socket:
    from ssl import create_default_context

    from certifi import where

    return create_default_context(cafile=where()).wrap_socket(plain, server_hostname=host)


def _public_address(host: str, port: int, url: str) -> str:
    """An address of the host, all of whose addresses must be public."""
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not found or not all(map(is_public, found)):
        raise InputError(
            f"leads to {host}, which is not on the public internet", path=url, hint="send the image itself"
        )
    return found[0]


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet.

    >>> is_public("8.8.8.8"), is_public("10.0.0.1"), is_public("::ffff:127.0.0.1"), is_public("169.254.169.254")
    (True, False, False, False)
    """
    found = ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    return (mapped or found).is_global and not found.is_multicast


def _content(answer: BaseHTTPResponse | HTTPResponse, url: str, limits: FetchLimits, end: float) -> bytes:
    if not 200 <= answer.status < 300:
        raise InputError(f"the server answers {answer.status}", path=url, hint="check the URL, or give a local file")
    content = bytearray()
    while piece := answer.read1(_CHUNK_BYTES):
        content += piece
        if len(content) > limits.most_bytes:
            raise InputError(f"is larger than {limits.most_bytes >> 20} MiB", path=url)
        _timeouts(end)
    _timeouts(end)  # a connection that the time has ended looks like one that is done
    stated = answer.headers.get("Content-Length", "")
    if stated.isdigit() and int(stated) != len(content):
        raise InputError(f"broke off after {len(content)} of {stated} bytes", path=url, hint="try again")
    return bytes(content)


def _timeouts(end: float) -> tuple[float, float]:
    """Seconds to connect and to wait for the next piece.

    Raises:
        TimeoutError: The time in all is over.
    """
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return min(CONNECT_SECONDS, left), min(SILENCE_SECONDS, left)
