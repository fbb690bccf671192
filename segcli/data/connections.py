"""HTTP connections that another thread can end, and that lead to the public internet alone where that is wanted."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests


class NotPublicError(Exception):
    """A host is not on the public internet; the text names it."""


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet.

    >>> is_public("8.8.8.8"), is_public("10.0.0.1"), is_public("::ffff:127.0.0.1"), is_public("169.254.169.254")
    (True, False, False, False)
    """
    found = ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    return (mapped or found).is_global and not found.is_multicast


def addresses_of(host: str, port: int | None = None) -> list[str]:
    """The IP addresses of a host.

    Raises:
        OSError: The name is not known.
        UnicodeError: It is no name.
    """
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Connections:
    """The connections of one transfer.

    Args:
        public_only: Whether only hosts on the public internet are connected to.
    """

    def __init__(self, *, public_only: bool) -> None:
        self._public_only = public_only
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._ended = False

    def address_of(self, host: str, port: int | None) -> str:
        """What to connect to: the host, or the IP address that was checked, so that no second look-up leads elsewhere.

        Raises:
            NotPublicError: An address of the host is not public.
            OSError: The host is not known.
        """
        if not self._public_only:
            return host
        found = addresses_of(host, port)
        if not found or not all(map(is_public, found)):
            raise NotPublicError(f"leads to {host}, which is not on the public internet")
        return found[0]

    def keep(self, connected: socket.socket) -> socket.socket:
        """Takes note of a connection; returns it."""
        with self._lock:
            # a second handle on the connection: TLS detaches the first one
            self._open.append(connected.dup())
        if self._ended:
            self.end()
        return connected

    def end(self) -> None:
        """Ends all connections, whatever they wait for, and those that are still to come."""
        self._ended = True
        with self._lock:
            while self._open:
                with self._open.pop() as one, suppress(OSError):  # the other side may have closed it
                    one.shutdown(socket.SHUT_RDWR)

    def session(self) -> requests.Session:
        """A session all of whose connections are these; a public one asks no proxy and no settings of the machine."""
        import requests
        from certifi import where

        session = requests.Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, _adapter(self))
        if self._public_only:
            session.trust_env, session.verify = False, where()
        return session


def _adapter(connections: Connections) -> requests.adapters.HTTPAdapter:
    from requests.adapters import HTTPAdapter
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
    from urllib3.connection import HTTPConnection, HTTPSConnection

    class Noted(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            name = self.host
            self.host = connections.address_of(name, self.port)
            try:
                return connections.keep(super()._new_conn())
            finally:
                self.host = name  # what the certificate and the header name

    class NotedTls(Noted, HTTPSConnection):
        pass

    class Pool(HTTPConnectionPool):
        ConnectionCls = Noted

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = NotedTls

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            super().init_poolmanager(*arguments, **options)
            _use(self.poolmanager)

        def proxy_manager_for(self, *arguments: Any, **options: Any) -> PoolManager:
            return _use(super().proxy_manager_for(*arguments, **options))

    def _use(manager: PoolManager) -> PoolManager:
        manager.pool_classes_by_scheme = {"http": Pool, "https": TlsPool}
        return manager

    return Adapter()
