"""64 clients that send images to a service for a while, one request in ten bad, and what they and its process saw."""

from __future__ import annotations

import base64
import http.client
import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

CLIENTS = int(os.environ.get("SEGCLI_BENCH_CLIENTS", "64"))
BAD_EVERY = 10
SECONDS = float(os.environ.get("SEGCLI_BENCH_SECONDS", "60"))
SHAPE = (256, 256)
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Load:
    """What clients and the process of the service saw.

    Attributes:
        good: Seconds of each request that should have been answered, by status; 0 is no answer.
        bad: Statuses of the requests that should have been refused.
        memory: Resident bytes of the service, once a second.
        cpu_seconds: CPU time that the service took for all of them.
        wall_seconds: Time until the last answer.
    """

    good: dict[int, list[float]] = field(default_factory=dict)
    bad: list[int] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    lock: Any = field(default_factory=threading.Lock)

    @property
    def answered(self) -> list[float]:
        """Seconds of each good request that was answered, in order; at least one number."""
        return sorted(self.good.get(200, [])) or [float("nan")]

    @property
    def per_cpu_second(self) -> float:
        """Good answers per CPU-second: neither clients nor other work on the machine count."""
        return len(self.good.get(200, [])) / max(self.cpu_seconds, 1 / _TICKS)

    def quantile(self, share: float) -> str:
        """Latency of the slowest of this share of the good answers."""
        times = self.answered
        return f"{1000 * times[min(len(times) - 1, int(share * len(times)))]:.0f} ms"

    def halves_mb(self) -> tuple[float, float]:
        """Median resident MB of two halves, without the first quarter, in which buffers grow."""
        early, late = np.array_split(self.memory[len(self.memory) // 4 :], 2)
        return float(np.median(early)) / 2**20, float(np.median(late)) / 2**20


@dataclass(frozen=True)
class Requests:
    """What is sent.

    Attributes:
        fields: What each good request says besides the image.
        faults: What bad requests say besides the image, in addition to those that any route refuses.
        images: Number of different images, sent in turn.
    """

    fields: Mapping[str, Any]
    faults: Sequence[Mapping[str, Any]]
    images: int

    def good(self) -> list[bytes]:
        """The bodies that should be answered."""
        return [json.dumps({"image": image_text(number), **self.fields}).encode() for number in range(self.images)]

    def bad(self) -> list[bytes]:
        """The bodies that should be refused."""
        image = image_text()
        values: list[Any] = [
            {**self.fields, "image": "no base64!"},
            {**self.fields, "image": image[: len(image) // 2 // 4 * 4]},
            {**self.fields, "image": base64.b64encode(b"no image").decode()},
            {**self.fields, "image": image, "visualize": "perhaps"},
            {**self.fields, "image": 3},
            {},
            [],
            *({"image": image, **fault} for fault in self.faults),
        ]
        return [json.dumps(value).encode() for value in values] + [b"", b"{"]


def image_text(seed: int = 0) -> str:
    """An image that is sent, a JPEG of `SHAPE` as base64."""
    noise = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)
    data = cv2.imencode(".jpg", cv2.resize(noise, SHAPE[::-1]))[1].tobytes()
    return base64.b64encode(data).decode()


def run_load(pid: int, port: int, route: str, requests: Requests) -> Load:
    """Sends requests for `SECONDS` and waits for the last answers.

    Args:
        pid: The process of the service.
        port: Its port on 127.0.0.1.
        route: The path that takes images.
        requests: What is sent.
    """
    load, begin, cpu = Load(), time.monotonic(), _cpu_seconds(pid)
    end, good, bad = begin + SECONDS, requests.good(), requests.bad()
    threads = [
        threading.Thread(target=_client, args=(number, port, route, end, load, good, bad)) for number in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    while time.monotonic() < end:
        load.memory.append(_resident(pid))
        time.sleep(1)
    for thread in threads:
        thread.join()
    load.cpu_seconds, load.wall_seconds = _cpu_seconds(pid) - cpu, time.monotonic() - begin
    return load


def _client(  # noqa: PLR0917
    number: int, port: int, route: str, end: float, load: Load, good: Sequence[bytes], bad: Sequence[bytes]
) -> None:
    count = number
    while time.monotonic() < end:
        count += 1
        is_bad = count % BAD_EVERY == 0
        begin = time.monotonic()
        status = _post(port, route, bad[count // BAD_EVERY % len(bad)] if is_bad else good[count % len(good)])
        with load.lock:
            if is_bad:
                load.bad.append(status)
            else:
                load.good.setdefault(status, []).append(time.monotonic() - begin)


def _post(port: int, route: str, body: bytes) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=240)
    try:
        connection.request("POST", route, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except OSError:
        return 0
    finally:
        connection.close()


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
