"""What a server may do to us, tried with a server of our own."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from segcli.data import transfer
from segcli.data.transfer import ConnectionBroke, Limits, TransferError, get
from segcli.data.url import fetch_image
from segcli.errors import InputError

LIMITS = Limits(most_bytes=1 << 20, seconds=20)
Handler = Callable[[BaseHTTPRequestHandler], None]


class Serve:
    """Starts servers on this machine, each with one answer."""

    def __init__(self) -> None:
        self._running: list[ThreadingHTTPServer] = []
        self.stop = threading.Event()

    def __call__(self, answer: Handler) -> str:
        class Handling(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            def log_message(self, *_: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handling)
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self._running.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    def close(self) -> None:
        self.stop.set()
        for server in self._running:
            server.shutdown()
            server.server_close()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    monkeypatch.setenv("NO_PROXY", "*")
    serving = Serve()
    yield serving
    serving.close()


def sends(body: bytes, **headers: str) -> Handler:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def received(url: str, limits: Limits = LIMITS) -> bytes:
    with get(url, limits) as answer:
        return b"".join(answer.chunks())


def test_plain_answer(serve: Serve) -> None:
    body = bytes(range(256)) * 1000

    assert received(serve(sends(body))) == body


def test_total_time_is_limited_though_bytes_keep_dripping(serve: Serve) -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not serve.stop.wait(0.05):
            request.wfile.write(b"x")

    begin = time.monotonic()
    with pytest.raises(ConnectionBroke, match=r"more than 0\.5 seconds"):
        received(serve(drip), Limits(1 << 20, 0.5))
    assert time.monotonic() - begin < 10


def test_total_time_holds_for_headers_too(serve: Serve) -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.0 200 OK\r\nX-A: ")
        while not serve.stop.wait(0.05):
            request.wfile.write(b"x")

    with pytest.raises(ConnectionBroke, match=r"more than 0\.5 seconds"):
        received(serve(drip), Limits(1 << 20, 0.5))


def test_packed_answers_are_refused(serve: Serve) -> None:
    """600 MB of zeros in 600 kB, which `requests` unpacks unasked."""
    bomb = gzip.compress(bytes(50 << 20))

    with pytest.raises(TransferError, match="packed"):
        received(serve(sends(bomb, Content_Encoding="gzip")))


def test_stated_size_is_refused_before_it_comes(serve: Serve) -> None:
    with pytest.raises(TransferError, match="larger than 1 MiB"), get(serve(sends(bytes(2 << 20))), LIMITS):
        pytest.fail("the content was waited for")


def test_size_is_counted_where_none_is_stated(serve: Serve) -> None:
    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not serve.stop.is_set():
            request.wfile.write(bytes(1 << 16))

    with pytest.raises(TransferError, match="larger than 1 MiB"):
        received(serve(endless))


@pytest.mark.parametrize("length", ["abc", "-5", "9" * 30, ""])
def test_length_that_is_no_number(serve: Serve, length: str) -> None:
    with pytest.raises(TransferError, match=r"no number|connection failed"):
        received(serve(sends(b"x", Content_Length=length)))


def test_answer_that_breaks_off(serve: Serve) -> None:
    def broken(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "100")
        request.end_headers()
        request.wfile.write(b"x" * 10)

    with pytest.raises(ConnectionBroke, match=r"\(it broke off\)"):
        received(serve(broken))


def test_silence_is_told_in_words(serve: Serve) -> None:
    def silent(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "9")
        request.end_headers()
        serve.stop.wait(20)

    with pytest.raises(ConnectionBroke, match=r"\(nothing came for 0\.2 seconds\)"):
        received(serve(silent), Limits(1 << 20, 20.0, silence_s=0.2))


def redirects(target: str) -> Handler:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", target)
        request.end_headers()

    return answer


def test_redirect_into_the_local_network_is_refused(serve: Serve) -> None:
    inside = serve(sends(b"secret"))

    with pytest.raises(TransferError, match="local network"):
        received(serve(redirects(inside)))


def test_redirect_within_the_given_server_is_followed(serve: Serve) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        (sends(b"found") if request.path == "/there" else redirects("/there"))(request)

    assert received(serve(answer)) == b"found"


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.org/a", "gopher://127.0.0.1:1/"])
def test_redirect_to_other_schemes_is_refused(serve: Serve, target: str) -> None:
    with pytest.raises(TransferError, match="no http"):
        received(serve(redirects(target)))


def test_redirect_in_a_circle_ends(serve: Serve) -> None:
    with pytest.raises(TransferError, match="redirected more than"):
        received(serve(redirects("/")))


def test_redirect_from_https_to_http_is_refused() -> None:
    with pytest.raises(TransferError, match="from https"):
        transfer._check_redirect("https://a.org/x", "https://a.org/x", "http://a.org/x")


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("10.1.2.3", True), ("169.254.169.254", True), ("::1", True), ("localhost", True),
     ("8.8.8.8", False), ("2606:4700::1111", False)],
)  # fmt: skip
def test_local_addresses(host: str, local: bool) -> None:
    assert transfer._is_local(host) is local


@pytest.mark.parametrize("address", ["http://", "http://[::1", "http://a b/", "http://\0/"])
def test_address_that_is_none(address: str) -> None:
    with pytest.raises(InputError, match=r"cannot be fetched|leads to"):
        fetch_image(address)
