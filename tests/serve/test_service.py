"""How a service behaves: full, secured, limited, batching, reloading, stopping."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from segcli.data import connections
from segcli.errors import MissingPartError, SegcliError, UsageError
from segcli.serve.settings import PUBLIC, Batching, Limits, ServeSettings
from segcli.steps.pipelines.create import create_pipeline
from segcli.steps.pipelines.semantic import SemanticSegmentation
from tests.serve.service import image_text, make_rgb, png, running, semantic_folder

ROUTE = "/semantic-segmentation"


def post(url: str, **body: Any) -> requests.Response:
    return requests.post(url + ROUTE, json={"image": image_text(), "visualize": False, **body}, timeout=60)


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "has not come true"
        time.sleep(0.05)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Networks answer once it is set."""
    go = threading.Event()
    answer = SemanticSegmentation.answer

    def wait_first(self: Any, items: Any, **arguments: Any) -> Any:
        go.wait(30)
        return answer(self, items, **arguments)

    monkeypatch.setattr(SemanticSegmentation, "answer", wait_first)
    return go


def test_a_full_queue_is_503_with_retry_after_and_what_waits_is_answered(held: threading.Event) -> None:
    with running(semantic_folder(), queue=2, warm_up=False) as service, ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(post, service.url) for _ in range(8)]
        # one runs and two wait; a sixth is refused where all come before the first is taken out of the queue
        wait_until(lambda: sum(future.done() for future in futures) >= 5)
        held.set()
        answers = [future.result() for future in futures]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) in {5, 6}
    assert all(answer.headers["Retry-After"] == "1" and answer.json()["errorCode"] == 503 for answer in refused)
    assert {answer.status_code for answer in answers if answer not in refused} == {200}


def test_an_answer_that_takes_too_long(held: threading.Event) -> None:
    with running(semantic_folder(), limits=Limits(seconds=0.2), warm_up=False) as service:
        answer = post(service.url)
        held.set()
    assert answer.status_code == 504 and "0.2 s" in answer.json()["errorMsg"]


def test_requests_of_one_shape_share_a_batch_and_a_bad_one_fails_alone(
    held: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    answer = SemanticSegmentation.answer

    def watched(self: Any, items: Any, **arguments: Any) -> Any:
        sizes.append(len(items))
        if any(int(item.rgb.max()) == 0 for item in items):
            raise UsageError("a black image")
        return answer(self, items, **arguments)

    monkeypatch.setattr(SemanticSegmentation, "answer", watched)
    texts = [image_text(seed) for seed in range(3)] + [requests_black()]
    with (
        running(semantic_folder(), batching=Batching(4, 2000), warm_up=False) as service,
        ThreadPoolExecutor(4) as pool,
    ):
        held.set()
        answers = list(pool.map(lambda text: post(service.url, image=text), texts))
        alone = post(service.url, image=texts[0])
    assert sizes[:5] == [4, 1, 1, 1, 1]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 422]
    assert answers[0].json()["result"] == alone.json()["result"]


def test_a_gpu_gets_batches_and_a_cpu_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    from segcli.serve import streams

    semantic, objects = create_pipeline(semantic_folder()), create_pipeline("instance_segmentation")
    for kind in (semantic, objects):
        assert streams.batching_of(Batching(), kind).size == 1
        assert streams.stream_count(None, kind, cores=3) == 3
    monkeypatch.setattr(streams, "inference_device", lambda *_: "gpu:0")
    assert streams.batching_of(Batching(wait_ms=7), semantic) == Batching(8, 7)
    assert streams.batching_of(Batching(), objects).size == 1, "its program takes one image"
    assert streams.batching_of(Batching(3), objects).size == 3, "as wanted"
    assert streams.stream_count(None, semantic, cores=3) == 1


def test_a_device_that_takes_as_long_for_eight_images_as_for_one_answers_eight_times_as_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []
    answer = SemanticSegmentation.answer

    def on_device(self: Any, items: Any, **arguments: Any) -> Any:
        calls.append(len(items))
        time.sleep(0.1)
        return answer(self, items, **arguments)

    monkeypatch.setattr(SemanticSegmentation, "answer", on_device)
    monkeypatch.setattr("segcli.serve.streams.inference_device", lambda *_: "gpu:0")
    texts = [image_text(seed, height=32, width=32 + 32 * (seed % 2)) for seed in range(16)]
    with (
        running(semantic_folder(), batching=Batching(wait_ms=1000), streams=None, warm_up=False) as service,
        ThreadPoolExecutor(16) as pool,
    ):
        answers = list(pool.map(lambda text: post(service.url, image=text), texts))
        sizes = sorted(calls)
        alone = [post(service.url, image=text) for text in texts[:2]]
    assert [answer.status_code for answer in answers] == [200] * 16
    assert sum(sizes) == 16 and sizes[-1] == 8, "images of one shape only"
    assert len(sizes) <= 4
    for index in range(2):
        assert answers[index].json()["result"] == alone[index].json()["result"]


def requests_black() -> str:
    from tests.serve.service import HEIGHT, WIDTH, base64_of

    return base64_of(png(np.zeros((HEIGHT, WIDTH, 3), np.uint8)))


def test_a_token_lets_in_and_health_and_page_need_none() -> None:
    with running(semantic_folder(), token="secret", warm_up=False) as service:
        wrong = {"Authorization": "Bearer secre"}
        right = {"Authorization": "Bearer secret"}
        for path in ("/health", "/ready", "/", "/page/page.js", "/v2/health/ready"):
            assert requests.get(service.url + path, timeout=30).status_code == 200
        for headers in ({}, wrong):
            assert requests.get(f"{service.url}/models", headers=headers, timeout=30).status_code == 401
            answer = requests.post(service.url + ROUTE, json={"image": image_text()}, headers=headers, timeout=30)
            assert answer.status_code == 401 and "Bearer TOKEN" in answer.json()["errorMsg"]
        answer = requests.post(service.url + ROUTE, json={"image": image_text()}, headers=right, timeout=30)
        assert answer.status_code == 200


def test_bodies_that_are_too_large_or_too_slow() -> None:
    with running(semantic_folder(), limits=Limits(body_bytes=20_000, body_seconds=0.5), warm_up=False) as service:
        stated = post(service.url, image="x" * 30_000)
        chunked = requests.post(service.url + ROUTE, data=iter([b"x" * 8_000] * 4), timeout=30)
        host, port = service.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(f"POST {ROUTE} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc".encode())
            slow = client.recv(1000)
        assert post(service.url).status_code == 200
    for answer in (stated, chunked):
        assert answer.status_code == 413 and "20,000 bytes" in answer.json()["errorMsg"]
    assert slow.startswith(b"HTTP/1.1 408")


class Images(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(png(make_rgb()))

    def log_message(self, *_: object) -> None:
        pass


def test_urls_are_fetched_where_that_is_allowed_and_from_public_servers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Images) as images:
        threading.Thread(target=images.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{images.server_port}/a.png"
        short = replace(PUBLIC, seconds=5)
        with running(semantic_folder(), allow_urls=True, fetch=short, warm_up=False) as service:
            private = post(service.url, image=address)
            monkeypatch.setattr(connections, "is_public", lambda _: True)
            public = post(service.url, image=address)
            given = post(service.url)
        images.shutdown()
    assert private.status_code == 400 and "not on the public internet" in private.json()["errorMsg"]
    assert public.json()["result"] == given.json()["result"]


def test_a_retrained_folder_is_served_and_a_damaged_one_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "inference"
    shutil.copytree(semantic_folder(), folder)
    with running(folder, reload_seconds=0.05) as service:
        model = service.models.by_name["PP-LiteSeg-T"]
        before = post(service.url).json()["result"]
        manifest = folder / "inference.yml"
        text = manifest.read_text(encoding="utf-8")
        manifest.write_text("no: manifest", encoding="utf-8")
        wait_until(lambda: 'outcome="failed"' in requests.get(f"{service.url}/metrics", timeout=30).text)
        assert post(service.url).json()["result"] == before and model.version == 1
        manifest.write_text(f"{text}\n", encoding="utf-8")
        wait_until(lambda: model.version == 2)
        assert post(service.url).json()["result"] == before
        assert requests.get(f"{service.url}/v2/models/PP-LiteSeg-T", timeout=30).json()["versions"] == ["2"]


@pytest.mark.parametrize(
    ("pipelines", "message"),
    [
        (("nowhere",), "no pipeline called"),
        (("a={0}", "a={0}"), "two models are called a"),
        (("semantic_segmentation",), "give model_dir"),
    ],
)
def test_what_cannot_be_served_is_said_before_anything_listens(
    pipelines: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path))
    with pytest.raises(SegcliError, match=message), running(*(text.format(semantic_folder()) for text in pipelines)):
        pass


def test_a_missing_package_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    from segcli.serve import run

    monkeypatch.setattr(run, "find_spec", lambda name: None if name == "fastapi" else name)
    with pytest.raises(MissingPartError, match=r"fastapi") as caught:
        run.serve(ServeSettings(("x",)), print)
    assert "pip install fastapi" in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_answers_what_is_open_and_ends_well(number: int) -> None:
    command = [sys.executable, "-m", "segcli", "serve", str(semantic_folder()), "--port", "0", "--runtime", "paddle"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        url = next(word.rstrip("/") for line in process.stdout for word in line.split() if word.startswith("http://"))
        with ThreadPoolExecutor(4) as pool:
            futures = [pool.submit(post, url, image=image_text(height=600, width=800)) for _ in range(4)]
            wait_until(lambda: "in_flight 4.0" in requests.get(f"{url}/metrics", timeout=30).text or futures[0].done())
            process.send_signal(number)
            assert [future.result().status_code for future in futures] == [200] * 4
        assert process.wait(60) == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)
