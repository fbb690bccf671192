"""The samples of docs/serving.md, run as they stand there, and what clients of other languages send."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from segcli.serve.run import Running
from tests.serve.service import HEIGHT, WIDTH, image_text, make_rgb, running, semantic_folder

DOCS = Path(__file__).parents[2] / "docs" / "serving.md"
LANGUAGES = ("python", "js", "java", "go", "csharp", "cpp", "php")


@pytest.fixture(scope="module")
def service() -> Iterator[Running]:
    with running(semantic_folder()) as started:
        yield started


def sample(language: str) -> str:
    """The client of a language in the documentation."""
    text = DOCS.read_text(encoding="utf-8")
    (found,) = re.findall(rf"```{language}\n(.*?)```", text[text.index("## Clients") :], re.DOTALL)
    return found


def run_sample(service: Running, folder: Path, language: str, file: str, *command: str) -> None:
    cv2.imwrite(str(folder / "demo.jpg"), make_rgb()[..., ::-1])
    (folder / file).write_text(sample(language).replace("http://localhost:8080", service.url), encoding="utf-8")
    done = subprocess.run([*command, file], cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert cv2.imread(str(folder / "out.jpg")).shape == (HEIGHT, WIDTH, 3)


def test_every_language_of_the_tutorial_has_a_sample() -> None:
    for language in LANGUAGES:
        assert "semantic-segmentation" in sample(language)


def test_python(service: Running, tmp_path: Path) -> None:
    run_sample(service, tmp_path, "python", "client.py", sys.executable)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "file", "tool"),
    [("js", "client.js", "node"), ("java", "Main.java", "java"), ("go", "main.go", "go"), ("php", "client.php", "php")],
)
def test_other_languages(service: Running, tmp_path: Path, language: str, file: str, tool: str) -> None:
    if shutil.which(tool) is None or (tool == "java" and shutil.which("javac") is None):
        pytest.skip(f"{tool} is not installed")
    run_sample(service, tmp_path, language, file, tool, *(["run"] if tool == "go" else []))


HEADS = {
    "Go": ("Host: x", "User-Agent: Go-http-client/1.1", "Content-Type: application/json", "Accept-Encoding: gzip"),
    "C#": ("Host: x", "Content-Type: application/json; charset=utf-8"),
    "C++": ("Host: x", "Accept: */*", "User-Agent: cpp-httplib/0.20", "Content-Type: application/json"),
    "PHP": ("Host: x", "Accept: */*", "Content-Type: application/json"),
    "Java": (
        "Connection: Upgrade, HTTP2-Settings, close",
        "Host: x",
        "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
        "Upgrade: h2c",
        "Content-Type: application/json",
    ),
    "small letters": ("host: x", "content-type: application/json"),
}
"""What clients of other languages send before the body."""


def read_all(client: socket.socket) -> bytes:
    answer = b""
    while piece := client.recv(1 << 16):
        answer += piece
    return answer


@pytest.mark.parametrize("client", HEADS)
@pytest.mark.parametrize("way", ["whole", "chunked", "expect"])
def test_heads_of_other_clients(service: Running, client: str, way: str) -> None:
    body = json.dumps({"image": image_text()}).encode()
    host, port = service.url.removeprefix("http://").split(":")
    own = HEADS[client]
    head = "\r\n".join(own if client == "Java" else (*own, "Connection: close"))
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        start = f"POST /semantic-segmentation HTTP/1.1\r\n{head}\r\n"
        if way == "chunked":
            connection.sendall(f"{start}Transfer-Encoding: chunked\r\n\r\n".encode())
            for piece in (body[:1000], body[1000:]):
                connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            connection.sendall(b"0\r\n\r\n")
        elif way == "expect":
            connection.sendall(f"{start}Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 100")
            connection.sendall(body)
        else:
            connection.sendall(f"{start}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
    assert b'"errorCode": 0' in answer
