"""`segcli serve` under load: 64 clients, one request in ten bad; against the network alone, and PaddleX's service.

Requests per CPU-second of the serving process are compared, so that the clients on the same machine do not count. With
`SEGCLI_PADDLEX_PYTHON` naming a Python that has PaddleX 3.7.2 with its serving plug-in, its service gets the same load.
`SEGCLI_BENCH_SECONDS` is the time of each load.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from segcli.data.sources import SourceItem
from segcli.steps.pipelines.create import create_pipeline
from tests.bench.table import Row
from tests.steps.export.test_paddlex import VARIABLE
from tests.trained_model import MODEL, trained_run

CLIENTS = 64
BAD_EVERY = 10
SECONDS = float(os.environ.get("SEGCLI_BENCH_SECONDS", "60"))
SHAPE = (256, 256)
ROUTE = "/semantic-segmentation"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Load:
    """What clients saw.

    Attributes:
        good: Seconds of each request that should have been answered, by status.
        bad: Statuses of the requests that should have been refused.
        memory: Resident bytes of the service, once a second.
    """

    good: dict[int, list[float]] = field(default_factory=dict)
    bad: list[int] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)


def _image() -> str:
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    data = cv2.imencode(".jpg", cv2.resize(noise, SHAPE[::-1]))[1].tobytes()
    return base64.b64encode(data).decode()


def _bad_bodies(image: str) -> list[bytes]:
    values: list[Any] = [
        {"image": "no base64!"},
        {"image": image[: len(image) // 2 // 4 * 4]},
        {"image": base64.b64encode(b"no image").decode()},
        {"image": image, "targetSize": 0},
        {"image": image, "targetSize": [10**6, 10**6]},
        {"image": image, "visualize": "perhaps"},
        {},
        [],
    ]
    return [json.dumps(value).encode() for value in values] + [b"", b"{"]


def _client(number: int, port: int, end: float, load: Load, fields: dict[str, Any]) -> None:
    image = _image()
    good = json.dumps({"image": image, **fields}).encode()
    bad = _bad_bodies(image)
    count = number
    while time.monotonic() < end:
        count += 1
        is_bad = count % BAD_EVERY == 0
        begin = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        body = bad[count // BAD_EVERY % len(bad)] if is_bad else good
        try:
            connection.request("POST", ROUTE, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except OSError:
            status = 0
        finally:
            connection.close()
        with load.lock:
            if is_bad:
                load.bad.append(status)
            else:
                load.good.setdefault(status, []).append(time.monotonic() - begin)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _run_load(pid: int, port: int, fields: dict[str, Any]) -> tuple[Load, float]:
    """The load, and the CPU-seconds that the service took for it."""
    load, end = Load(), time.monotonic() + SECONDS
    threads = [threading.Thread(target=_client, args=(n, port, end, load, fields)) for n in range(CLIENTS)]
    begin = _cpu_seconds(pid)
    for thread in threads:
        thread.start()
    while time.monotonic() < end:
        load.memory.append(_resident(pid))
        time.sleep(1)
    for thread in threads:
        thread.join()
    return load, _cpu_seconds(pid) - begin


def _ours(folder: Path) -> tuple[Load, float]:
    command = [sys.executable, "-m", "segcli", "serve", str(folder), "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        url = next(word.rstrip("/") for line in process.stdout for word in line.split() if word.startswith("http://"))
        try:
            return _run_load(process.pid, int(url.rpartition(":")[2]), {})
        finally:
            process.terminate()


def _paddlex(python: str, folder: Path, port: int = 18111) -> tuple[Load, float]:
    with tempfile.TemporaryDirectory() as place:
        module = {"module_name": "semantic_segmentation", "model_name": MODEL, "model_dir": str(folder)}
        values = {"pipeline_name": "semantic_segmentation", "SubModules": {"SemanticSegmentation": module}}
        file = Path(place) / "p.yaml"
        file.write_text(yaml.safe_dump(values), encoding="utf-8")
        command = [python, "-m", "paddlex", "--serve", "--pipeline", str(file), "--host", "127.0.0.1"]
        environment = {**os.environ, "PADDLE_PDX_ENABLE_MKLDNN_BYDEFAULT": "False"}
        with subprocess.Popen([*command, "--port", str(port)], env=environment) as process:
            try:
                _wait_for_health(port)
                return _run_load(process.pid, port, {})
            finally:
                process.terminate()


def _wait_for_health(port: int) -> None:
    end = time.monotonic() + 180
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(1)
        finally:
            connection.close()
    raise TimeoutError("PaddleX's service does not answer")


def _alone(folder: Path) -> float:
    """Images per CPU-second of the pipeline without HTTP, from decoded images to results."""
    pipeline = create_pipeline(folder)
    pixels = cv2.imdecode(np.frombuffer(base64.b64decode(_image()), np.uint8), cv2.IMREAD_COLOR)
    item = SourceItem(None, None, Path("image"), pixels)
    pipeline.answer([item])
    begin = time.process_time()
    for _ in range(30):
        pipeline.answer([item])
    return 30 / (time.process_time() - begin)


def run() -> list[Row]:
    """Throughput, refusals and memory."""
    folder = trained_run() / "run/best_model/inference"
    alone = _alone(folder)
    load, seconds = _ours(folder)
    times = sorted(load.good.get(200, [0.0]))
    rate = (len(times) + len(load.bad)) / seconds
    right = sum(400 <= status < 500 for status in load.bad)
    early, late = (float(np.median(part)) for part in np.array_split(load.memory[len(load.memory) // 4 :], 2))
    about = f"{CLIENTS} clients, {len(times)} answers, p50 {_ms(times, 0.5)}, p99 {_ms(times, 0.99)}"
    statuses = {status: len(found) for status, found in load.good.items()}
    rows = [
        Row(
            f"serve {MODEL} {SHAPE[1]}x{SHAPE[0]}, {about}",
            f"{rate:.2f} per CPU-s",
            f"{alone:.2f} alone",
            rate / alone,
            0.4,
        ),
        Row("serve, bad requests refused with 4xx", f"{right}", f"{len(load.bad)}", right / max(1, len(load.bad)), 1.0),
        Row(
            f"serve, good requests answered, {statuses}",
            f"{len(times)}",
            f"{sum(statuses.values())}",
            len(times) / sum(statuses.values()),
            1.0,
        ),
        Row(
            "serve, memory of the second half",
            f"{late / 2**20:.0f} MB",
            f"{early / 2**20:.0f} MB before",
            early / late,
            0.97,
        ),
    ]
    python = os.environ.get(VARIABLE)
    if python:
        theirs, their_seconds = _paddlex(python, folder)
        their_rate = len(theirs.good.get(200, [])) / their_seconds
        ours = len(times) / seconds
        rows.append(Row("serve, against PaddleX", f"{ours:.2f} per CPU-s", f"{their_rate:.2f}", ours / their_rate, 3.0))
    return rows


def _ms(times: list[float], quantile: float) -> str:
    return f"{1000 * times[min(len(times) - 1, int(quantile * len(times)))]:.0f} ms"
