"""What is behind a URL, received piece by piece within limits of time, size, redirects and hosts."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from segcli.data.connections import Connections, NotPublicError, addresses_of, is_public

if TYPE_CHECKING:
    import requests

SCHEMES = ("http", "https")
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CONNECT_SECONDS = 10.0
_CHUNK_BYTES = 1 << 16
_WAITING_CHUNKS = 16


class TransferError(Exception):
    """A server was not reached, refused, or sent what is not taken; the text says which."""


class ConnectionBroke(TransferError):  # noqa: N818 - what it is
    """The connection ended, or took too long: another try may go on where this one stopped."""


class RangeRefused(ConnectionBroke):
    """The server has no such part of the file: what was received earlier is not the beginning of it."""


@dataclass(frozen=True)
class Limits:
    """What one transfer may take.

    Attributes:
        most_bytes: Of the answer.
        seconds: From the first look-up of the name to the last byte.
        silence_s: Seconds without a byte.
        redirects: How many are followed.
        public_only: Whether only servers on the public internet are contacted, directly and by the IP address that was
            checked; for a service, whose users must not reach what it can reach. Otherwise an intranet and the
            machine's proxies are the user's own.
    """

    most_bytes: int
    seconds: float
    silence_s: float = 30.0
    redirects: int = 5
    public_only: bool = False


@dataclass
class Answer:
    """An answer whose content is about to come.

    Attributes:
        status: HTTP status, 200 to 206.
        headers: By name in lower case.
        length: Bytes that are to come; None where the server does not say.
    """

    status: int
    headers: Mapping[str, str]
    length: int | None
    _receiver: _Receiver

    def chunks(self) -> Iterator[bytes]:
        """The content as it comes.

        Raises:
            TransferError: It is too large, takes too long, or breaks off.
        """
        received = 0
        while (chunk := self._receiver.take()) is not None:
            received += len(chunk)
            self._receiver.check_size(received)
            yield chunk
        if self.length is not None and received != self.length:
            raise ConnectionBroke(f"the download broke off after {received} of {self.length} bytes")


@contextmanager
def get(url: str, limits: Limits, headers: Mapping[str, str] | None = None) -> Iterator[Answer]:
    """Asks a server for what is behind a URL and follows its redirects.

    A redirect leads to http or https only, never from https to http, and never to another server inside of a local
    network: a stranger's server must not make this machine ask its neighbours.

    Args:
        url: ``http`` or ``https``.
        limits: What the transfer may take.
        headers: To send.

    Raises:
        TransferError: The server is not reached, answers with an error, compresses what was requested uncompressed, or
            states more than `limits` allow.
    """
    import requests  # noqa: F401 - here, for the time that this takes is not the server's

    receiver = _Receiver(url, limits, dict(headers or {}))
    receiver.start()
    try:
        answer = receiver.answer()
        if answer.length is not None:
            receiver.check_size(answer.length)
        yield answer
    finally:
        receiver.stop()


@dataclass
class _Receiver:
    """Receives in a thread of its own, so that neither a slow name server nor a dripping header outlasts the limit."""

    url: str
    limits: Limits
    headers: dict[str, str]
    _items: queue.Queue[Any] = field(default_factory=lambda: queue.Queue(_WAITING_CHUNKS))
    _stopped: threading.Event = field(default_factory=threading.Event)
    _until: float = 0.0
    _connections: Connections = field(init=False)

    def __post_init__(self) -> None:
        self._connections = Connections(public_only=self.limits.public_only)

    def start(self) -> None:
        self._until = time.monotonic() + self.limits.seconds
        threading.Thread(target=self._run, name="segcli-transfer", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        self._connections.end()

    def answer(self) -> Answer:
        found = self.take()
        assert isinstance(found, Answer)
        return found

    def take(self) -> Any:
        """The answer, then its chunks, then None; raises what the thread met."""
        try:
            item = self._items.get(timeout=max(0.0, self._until - time.monotonic()))
        except queue.Empty:
            raise ConnectionBroke(f"it takes too long: more than {self.limits.seconds:g} seconds") from None
        if isinstance(item, Exception):
            raise item
        return item

    def check_size(self, size: int) -> None:
        if size > self.limits.most_bytes:
            raise TransferError(f"is larger than {self.limits.most_bytes >> 20} MiB")

    def _run(self) -> None:
        import requests
        import urllib3

        try:
            with self._connections.session() as session:
                self._receive(session)
            self._put(None)
        except TransferError as fault:
            self._put(fault)
        except NotPublicError as fault:
            self._put(TransferError(str(fault)))
        except (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError) as fault:
            self._put(ConnectionBroke(f"the connection failed ({self._reason(_cause(fault))})"))
        except Exception as fault:  # any: whatever a library makes of a broken answer
            self._put(ConnectionBroke(f"the connection failed ({type(fault).__name__}: {fault})"))

    def _reason(self, cause: BaseException) -> str:
        name = type(cause).__name__
        return {
            "IncompleteRead": "it broke off",
            "ReadTimeout": f"nothing came for {self.limits.silence_s:g} seconds",
            "ReadTimeoutError": f"nothing came for {self.limits.silence_s:g} seconds",
        }.get(name, name)

    def _receive(self, session: requests.Session) -> None:
        with closing(self._reached(session)) as response:
            _check_answer(response)
            length = _length(response)
            names = {name.lower(): value for name, value in response.headers.items()}
            self._put(Answer(response.status_code, names, length, self))
            # raw, for `iter_content` unpacks whatever the server has packed
            while (chunk := response.raw.read(_CHUNK_BYTES, decode_content=False)) and not self._stopped.is_set():
                self._put(chunk)

    def _reached(self, session: requests.Session) -> requests.Response:
        """The response behind all redirects."""
        url = self.url
        for _ in range(self.limits.redirects + 1):
            response = session.get(
                url,
                headers={"Accept-Encoding": "identity", "User-Agent": "segcli", **self.headers},
                timeout=(_CONNECT_SECONDS, self.limits.silence_s),
                stream=True,
                allow_redirects=False,
            )
            if response.status_code not in REDIRECTS or "Location" not in response.headers:
                return response
            target = urljoin(url, response.headers["Location"])
            response.close()
            _check_redirect(self.url, url, target)
            url = target
        raise TransferError(f"is redirected more than {self.limits.redirects} times")

    def _put(self, item: Any) -> None:
        while not self._stopped.is_set():
            try:
                self._items.put(item, timeout=1)
            except queue.Full:
                continue
            return


def _cause(fault: BaseException) -> BaseException:
    """What is behind the wrappings of requests and urllib3."""
    inner = getattr(fault, "reason", None) or next((part for part in fault.args if isinstance(part, Exception)), None)
    return _cause(inner) if isinstance(inner, BaseException) else fault


def _check_answer(response: requests.Response) -> None:
    if response.status_code == 416:
        raise RangeRefused("the server has no such part of the file")
    if response.status_code not in (200, 206):
        raise TransferError(f"the server answers {response.status_code} {response.reason}")
    packed = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packed not in ("", "identity"):
        raise TransferError(f"the server sends it packed ({packed[:20]}), although it was requested uncompressed")


def _length(response: requests.Response) -> int | None:
    stated = response.headers.get("Content-Length")
    if stated is None:
        return None
    if not stated.strip().isdecimal() or len(stated) > 20:
        raise TransferError(f"the server states a length that is no number: {stated[:20]!r}")
    return int(stated)


def _check_redirect(given: str, source: str, target: str) -> None:
    scheme = urlsplit(target).scheme
    if scheme not in SCHEMES:
        raise TransferError(f"redirects to {target[:80]}, which is no http(s) URL: only http and https are fetched")
    if urlsplit(source).scheme == "https" and scheme != "https":
        raise TransferError(f"redirects from https to {target[:80]}")
    if _origin(target) != _origin(given) and _is_local(urlsplit(target).hostname or ""):
        raise TransferError(f"redirects into a local network: {target[:80]}")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _is_local(host: str) -> bool:
    """Whether a name leads to an address that is not of the public internet; unknown ones are left to the proxy."""
    try:
        found = addresses_of(host)
    except (OSError, UnicodeError):
        return False
    return not all(map(is_public, found))
