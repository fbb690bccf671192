from __future__ import annotations

import hashlib
import pickle
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from segcli.errors import WeightsError
from segcli.models.table import get_spec
from segcli.weights.cache import cache_folder
from segcli.weights.files import read_weights, write_pdparams
from segcli.weights.official import official_names, resolve_weights

SPEC = get_spec("PP-LiteSeg-T")


@dataclass
class Server:
    """A small server: what it answers to a path, and what it was asked."""

    address: str
    answers: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            body = state.answers.get(self.path)
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            for name, value in {"Content-Length": str(len(body)), **state.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Server(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield state
    http.shutdown()
    http.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SEGCLI_OFFLINE")  # the server is here
    monkeypatch.setenv("NO_PROXY", "*")
    return tmp_path / "cache"


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    write_pdparams(tmp_path / "a.pdparams", {"a": np.arange(5, dtype=np.float32)})
    return (tmp_path / "a.pdparams").read_bytes()


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_null_touches_neither_disk_nor_network(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segcli.weights.official.fetch", lambda *_: pytest.fail("the network was touched"))

    assert resolve_weights(None, SPEC) is None
    assert not cache.exists()


def test_a_local_file_is_taken_as_it_is(tmp_path: Path, content: bytes) -> None:
    assert resolve_weights(str(tmp_path / "a.pdparams"), SPEC) == tmp_path / "a.pdparams"


def test_an_address_is_fetched_once(server: Server, content: bytes) -> None:
    server.answers["/x/a.pdparams"] = content

    paths = [resolve_weights(f"{server.address}/x/a.pdparams", SPEC) for _ in range(2)]

    assert paths[0] == paths[1] is not None
    np.testing.assert_array_equal(read_weights(paths[0])["a"], np.arange(5))
    assert server.asked == ["/x/a.pdparams"]


def test_official_names_lead_to_official_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("segcli.weights.official.fetch", lambda url, folder: asked.append(url) or folder)

    for name in ("pretrained", "PP-LiteSeg-T", "PP-LiteSeg-T_pretrained.pdparams", "backbone"):
        resolve_weights(name, SPEC)

    assert asked == [SPEC.weights["pretrained"]] * 3 + [SPEC.weights["backbone"]]
    assert "backbone" not in official_names(get_spec("MaskFormer_tiny"))


def test_an_unknown_name_lists_the_official_ones() -> None:
    with pytest.raises(WeightsError, match=r"no such weight file\n.*pretrained, backbone") as caught:
        resolve_weights("pretraned", SPEC)
    assert caught.value.path == "pretraned"


def test_a_folder_is_named_as_one(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is a folder"):
        resolve_weights(str(tmp_path), SPEC)


def test_a_changed_copy_is_fetched_again(server: Server, content: bytes) -> None:
    server.answers["/a.pdparams"] = content
    path = resolve_weights(f"{server.address}/a.pdparams", SPEC)
    assert path is not None
    path.write_bytes(content[:-1] + b"?")

    assert resolve_weights(f"{server.address}/a.pdparams", SPEC) == path
    assert path.read_bytes() == content
    assert len(server.asked) == 2


def test_equal_file_names_do_not_meet(server: Server, content: bytes) -> None:
    server.answers = {"/x/a.pdparams": content, "/y/a.pdparams": content}

    paths = {resolve_weights(f"{server.address}/{folder}/a.pdparams", SPEC) for folder in "xy"}

    assert len(paths) == 2


def test_a_checksum_in_the_address_is_checked(server: Server, content: bytes, cache: Path) -> None:
    server.answers["/a.pdparams"] = content
    right = hashlib.sha256(content).hexdigest()

    with pytest.raises(WeightsError, match="SHA-256"):
        resolve_weights(f"{server.address}/a.pdparams#sha256={'0' * 64}", SPEC)
    assert left_in(cache) == []
    assert resolve_weights(f"{server.address}/a.pdparams#sha256={right}", SPEC) is not None


@pytest.mark.parametrize(
    ("headers", "message"),
    [({"Content-Length": "100000"}, "broke off|connection failed"), ({"Content-MD5": "AAAA"}, "MD5")],
)
def test_a_broken_download_leaves_nothing(
    server: Server, content: bytes, cache: Path, headers: dict[str, str], message: str
) -> None:
    server.answers["/a.pdparams"], server.headers = content, headers

    with pytest.raises(WeightsError, match=message):
        resolve_weights(f"{server.address}/a.pdparams", SPEC)
    assert left_in(cache) == []


def test_a_web_page_is_no_weight_file(server: Server, cache: Path) -> None:
    server.answers["/a.pdparams"] = b"<html>please log in</html>"

    with pytest.raises(WeightsError, match="web page") as caught:
        resolve_weights(f"{server.address}/a.pdparams", SPEC)
    assert caught.value.path == f"{server.address}/a.pdparams"
    assert left_in(cache) == []


def test_a_missing_file_says_what_the_server_said(server: Server) -> None:
    with pytest.raises(WeightsError, match="404"):
        resolve_weights(f"{server.address}/none.pdparams", SPEC)


def test_without_network_the_message_tells_the_way_round(server: Server, cache: Path) -> None:
    with pytest.raises(WeightsError, match=r"connection failed.*\n.*pretrain_weight_path=null") as caught:
        resolve_weights("http://127.0.0.1:9/a.pdparams", SPEC)
    assert str(cache) in str(caught.value)


def test_other_schemes_are_refused() -> None:
    with pytest.raises(WeightsError, match="only http and https"):
        resolve_weights("ftp://example.org/a.pdparams", SPEC)


def test_the_cache_is_in_the_user_s_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SEGCLI_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert cache_folder() == tmp_path / "segcli"


@dataclass
class BreakingServer:
    """Serves one file in pieces: each connection ends after some bytes."""

    address: str
    content: bytes
    after: int
    etag: str | None = '"one"'
    ranges: list[str | None] = field(default_factory=list)


@pytest.fixture
def breaking() -> Iterator[BreakingServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted, same = self.headers.get("Range"), self.headers.get("If-Range") in (None, state.etag)
            state.ranges.append(wanted)
            begin = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and same else 0
            if begin >= len(state.content):
                self.send_error(416)
                return
            self.send_response(206 if begin else 200)
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(state.content) - 1}/{len(state.content)}")
            if state.etag is not None:
                self.send_header("ETag", state.etag)
            self.send_header("Content-Length", str(len(state.content) - begin))
            self.end_headers()
            self.wfile.write(state.content[begin : begin + state.after])

        def log_message(self, *_: object) -> None:
            return

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = BreakingServer(f"http://127.0.0.1:{http.server_port}/a.pdparams", _large(), 300_000)
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    yield state
    http.shutdown()
    http.server_close()


def _large() -> bytes:
    return pickle.dumps({"a": np.arange(200_000, dtype=np.float32)}, protocol=4)


def test_a_broken_download_goes_on_where_it_stopped(breaking: BreakingServer, cache: Path) -> None:
    path = resolve_weights(breaking.address, SPEC)

    assert path is not None
    assert path.read_bytes() == breaking.content
    assert breaking.ranges[0] is None
    assert all(wanted is not None and wanted != "bytes=0-" for wanted in breaking.ranges[1:])
    assert len(breaking.ranges) == 3
    assert len(left_in(cache)) == 2


def test_the_next_command_goes_on_too(breaking: BreakingServer, cache: Path) -> None:
    breaking.after = 200_000
    with pytest.raises(WeightsError, match="type the command again"):
        resolve_weights(breaking.address, SPEC)
    breaking.after = len(breaking.content)

    path = resolve_weights(breaking.address, SPEC)

    assert path is not None
    assert path.read_bytes() == breaking.content
    assert int((breaking.ranges[-1] or "").removeprefix("bytes=").removesuffix("-")) >= 400_000


def test_another_file_behind_the_address_begins_anew(breaking: BreakingServer) -> None:
    breaking.after = 200_000
    with pytest.raises(WeightsError):
        resolve_weights(breaking.address, SPEC)
    breaking.content, breaking.after, breaking.etag = _other(), 1 << 30, '"two"'

    path = resolve_weights(breaking.address, SPEC)

    assert path is not None
    assert path.read_bytes() == _other()


def _other() -> bytes:
    return pickle.dumps({"b": np.arange(150_000, dtype=np.float32)}, protocol=4)


def test_without_a_validator_nothing_is_kept(breaking: BreakingServer, cache: Path) -> None:
    breaking.etag = None

    with pytest.raises(WeightsError, match="cannot be downloaded"):
        resolve_weights(breaking.address, SPEC)

    assert left_in(cache) == []
    assert breaking.ranges == [None]


def test_a_checksum_in_the_address_allows_to_go_on(breaking: BreakingServer) -> None:
    breaking.etag = None
    wanted = hashlib.sha256(breaking.content).hexdigest()

    path = resolve_weights(f"{breaking.address}#sha256={wanted}", SPEC)

    assert path is not None
    assert path.read_bytes() == breaking.content


def test_a_part_that_is_longer_than_the_file_is_dropped(breaking: BreakingServer, cache: Path) -> None:
    breaking.after = 200_000
    with pytest.raises(WeightsError):
        resolve_weights(breaking.address, SPEC)
    (part,) = (path for path in cache.rglob("*.part"))
    part.write_bytes(breaking.content + b"more")
    breaking.after = 1 << 30

    path = resolve_weights(breaking.address, SPEC)

    assert path is not None
    assert path.read_bytes() == breaking.content
