from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from segcli.data import connections
from segcli.data.fetch import IMAGE_LIMITS, fetch_bytes
from segcli.data.transfer import Limits
from segcli.errors import InputError


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
        elif self.path == "/gone":
            self.send_error(404)
        elif self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"12345")
        elif self.path == "/dripping":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
            for _ in range(100):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
        elif self.path == "/slow":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"{self.path} {self.headers['Host']}".encode())

    def handle(self) -> None:
        with suppress(OSError):  # the client has had enough
            super().handle()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.mark.parametrize("public_only", [False, True])
def test_content_is_fetched_through_redirects(public_only: bool, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "is_public", lambda _: True)
    content = fetch_bytes(f"{server}/to/{server}/a?b=1", replace(IMAGE_LIMITS, public_only=public_only))
    assert content.decode() == f"/a?b=1 {server.removeprefix('http://')}"


@pytest.mark.parametrize(
    ("path", "limits", "message"),
    [
        ("/gone", IMAGE_LIMITS, "answers 404"),
        ("/a", replace(IMAGE_LIMITS, most_bytes=3), "larger than"),
        ("/slow", replace(IMAGE_LIMITS, seconds=0.2), "takes too long"),
        ("/to//to//to//a", replace(IMAGE_LIMITS, redirects=1), "redirected more than 1"),
        ("/to/file:///etc/passwd", IMAGE_LIMITS, "only http and https"),
        ("/to/ftp://x/y", IMAGE_LIMITS, "only http and https"),
        ("/short", IMAGE_LIMITS, "broke off|cannot be fetched"),
        ("/a", replace(IMAGE_LIMITS, public_only=True), "not on the public internet"),
    ],
)
def test_what_passes_a_limit_is_refused(path: str, limits: Limits, message: str, server: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        fetch_bytes(server + path, limits)
    assert caught.value.path == server + path


def test_a_header_that_drips_ends_with_the_time_in_all(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "is_public", lambda _: True)
    begin = time.monotonic()
    with pytest.raises(InputError, match="takes too long"):
        fetch_bytes(f"{server}/dripping", replace(IMAGE_LIMITS, seconds=0.3, public_only=True))
    assert time.monotonic() - begin < 3
    assert_no_transfer_goes_on()


def assert_no_transfer_goes_on() -> None:
    """The thread of a transfer ends with its connection; the server would drip for longer."""
    for thread in threading.enumerate():
        if thread.name == "segcli-transfer":
            thread.join(2)
            assert not thread.is_alive()


def test_a_redirect_does_not_lead_into_the_intranet(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def first_only(address: str) -> bool:
        asked.append(address)
        return len(asked) == 1

    monkeypatch.setattr(connections, "is_public", first_only)
    with pytest.raises(InputError, match="not on the public internet"):
        fetch_bytes(f"{server}/to/{server}/a", replace(IMAGE_LIMITS, public_only=True))
    assert len(asked) == 2


@pytest.mark.parametrize(
    "url", ["http://localhost:1/x", "http://[::1]/x", "http://0x7f.1/x", "http://169.254.169.254/"]
)
def test_names_and_forms_of_private_addresses_are_known(url: str) -> None:
    with pytest.raises(InputError):
        fetch_bytes(url, replace(IMAGE_LIMITS, public_only=True))


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(InputError, match="cannot be fetched"):
        fetch_bytes("http://127.0.0.1:9/x")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_certificate_must_be_of_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    make += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(make, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setattr(connections, "is_public", lambda _: True)
    public = replace(IMAGE_LIMITS, public_only=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.socket = context.wrap_socket(running.socket, server_side=True)
        threading.Thread(target=running.serve_forever, daemon=True).start()
        port = running.server_port
        with pytest.raises(InputError, match="SSLCertVerificationError"):
            fetch_bytes(f"https://localhost:{port}/a", public)
        monkeypatch.setattr("certifi.where", lambda: str(certificate))
        assert fetch_bytes(f"https://localhost:{port}/a", public).decode() == f"/a localhost:{port}"
        with pytest.raises(InputError, match="SSLCertVerificationError"):
            fetch_bytes(f"https://127.0.0.1:{port}/a", public)
        with pytest.raises(InputError, match="takes too long"):
            fetch_bytes(f"https://localhost:{port}/dripping", replace(public, seconds=0.5))
        assert_no_transfer_goes_on()
        running.shutdown()
