"""Several processes on one port, as the command starts them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pytest
import requests

pytest.importorskip("fastapi")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
from tests.onnx_models import semantic_guest
from tests.serve.service import image_text


def children(pid: int) -> list[int]:
    """Processes below `pid` that serve; the resource tracker of multiprocessing is none."""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True, text=True, check=True
    )
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if "spawn_main" in line]


def wait_until(condition, seconds: float = 120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_workers_answer_count_together_are_replaced_and_end(tmp_path):
    folder = semantic_guest(tmp_path)
    command = [sys.executable, "-m", "segcli", "serve", str(folder), "--port", "0", "--workers", "2"]
    command += ["--runtime", "onnxruntime", "--reload", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    started = {"stdout": subprocess.PIPE, "text": True, "env": environment, "start_new_session": True}
    with subprocess.Popen(command, **started) as process:
        try:
            words = (word for line in process.stdout for word in line.split())
            url = next(word.rstrip("/") for word in words if word.startswith("http://"))

            def answers() -> int:
                body = {"image": image_text()}
                return requests.post(f"{url}/semantic-segmentation", json=body, timeout=60).status_code

            def answered() -> int:
                text = requests.get(f"{url}/metrics", timeout=60).text
                found = re.search(r'segcli_requests_total{route="/semantic-segmentation",status="200"} (\d+)', text)
                return 0 if found is None else int(found[1])

            assert [answers() for _ in range(8)] == [200] * 8
            assert answered() == 8
            first = children(process.pid)
            assert len(first) == 2
            os.kill(first[0], signal.SIGKILL)
            wait_until(lambda: len(set(children(process.pid)) - {first[0]}) == 2)
            assert [answers() for _ in range(4)] == [200] * 4
            assert answered() == 12
            os.killpg(process.pid, signal.SIGHUP)  # as a terminal that is closed tells all of them
            assert process.wait(60) == 0
        finally:
            process.kill()
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def test_what_cannot_be_served_ends_all(tmp_path):
    from segcli.errors import SegcliError
    from segcli.serve.settings import ServeSettings
    from segcli.serve.workers import serve_with

    with pytest.raises(SegcliError, match="nowhere"):
        serve_with(2, ServeSettings((str(tmp_path / "nowhere"),), port=0), print)
