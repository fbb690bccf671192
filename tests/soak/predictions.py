"""Many predictions at once: threads that share a model or open their own, processes, and clients of a service."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import requests
from numpy.typing import NDArray

from segcli.steps.predict.model import Model, create_model
from tests.onnx_models import semantic_guest
from tests.serve.service import base64_of, png, running
from tests.soak.trials import Row

AT_ONCE = 64
SIZES = ((32, 32), (40, 56), (64, 48), (33, 47))
MOST_GROWTH_KB = 64 << 10
"""Memory by which the process may grow after the first third of the predictions."""
NAME = "ONNX-Semantic"
PROCESSES, THREADS = 8, 8


def image_of(number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """An image (RGB) of plain colours, and its label map: red is 0, green 1, blue 2."""
    height, width = SIZES[number % len(SIZES)]
    labels = np.random.default_rng(number).integers(0, 3, (height, width), np.uint8)
    return np.eye(3, dtype=np.uint8)[labels] * 255, labels


def is_wrong(model: Model, number: int) -> bool:
    """Whether a prediction differs from what the network must answer."""
    rgb, labels = image_of(number)
    (result,) = model.predict(np.ascontiguousarray(rgb[..., ::-1]))
    return not np.array_equal(np.squeeze(result["pred"]), labels)


def try_predictions(rounds: int, scratch: Path) -> Iterator[Row]:
    """Does `rounds` times 64 predictions in each of four ways, 64 at once."""
    folder = semantic_guest(scratch / "model")
    shared = create_model(NAME, folder)
    yield _tried("predictions, threads on one model", rounds, lambda number: is_wrong(shared, number))
    fast = create_model(NAME, folder, runtime="openvino")
    yield _tried("predictions, threads on OpenVINO", rounds, lambda number: is_wrong(fast, number))
    yield _tried(
        "predictions, each thread its own model", 1, lambda number: is_wrong(create_model(NAME, folder), number)
    )
    with running(folder, queue=AT_ONCE, options={}, warm_up=False) as service:
        url = f"{service.url}/semantic-segmentation"
        yield _tried("predictions, clients of a service", rounds, lambda number: _reply_is_wrong(url, number))
    yield processes_at_once(folder)


def _reply_is_wrong(url: str, number: int) -> bool:
    rgb, labels = image_of(number)
    reply = requests.post(url, json={"image": base64_of(png(rgb)), "visualize": False}, timeout=600).json()
    return not np.array_equal(np.ravel(reply["result"]["labelMap"]), labels.ravel())


def _tried(name: str, rounds: int, wrong: Callable[[int], bool]) -> Row:
    """Predicts 64 times `rounds` images, 64 at once; a wrong result or an error is a fault, growing memory too."""
    row, before = Row(name), 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for turn in range(rounds):
            numbers = range(turn * AT_ONCE, (turn + 1) * AT_ONCE)
            for fault in pool.map(lambda number: _fault(wrong, number), numbers):
                row.tried += 1
                row.clean += fault is None
                if fault is not None:
                    row.tracebacks += 1
                    row.kinds[fault] += 1
            if turn == rounds // 3:
                before = _resident_kb()
    growth = _resident_kb() - before
    if growth > MOST_GROWTH_KB:
        row.large += 1
        row.kinds[f"grew by {growth >> 10} MB"] += 1
    return row


def _fault(wrong: Callable[[int], bool], number: int) -> str | None:
    try:
        return "a wrong result" if wrong(number) else None
    except Exception as fault:
        return f"{type(fault).__name__}: {str(fault)[:120]}"


def processes_at_once(folder: Path) -> Row:
    """8 processes of 8 threads each, all started together, on one folder of a model."""
    row = Row("predictions, 8 processes of 8 threads")
    command = [sys.executable, "-m", __name__, str(folder)]
    children = [
        subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE, text=True) for number in range(PROCESSES)
    ]
    for child in children:
        text, _ = child.communicate(timeout=600)
        row.tried += THREADS
        row.clean += THREADS if child.returncode == 0 else 0
        if child.returncode:
            row.tracebacks += 1
            row.kinds[f"exit {child.returncode}: {text.strip()[-200:]}"] += 1
    return row


def _resident_kb() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


def _in_a_process(folder: str, number: str) -> int:
    model = create_model(NAME, folder)
    with ThreadPoolExecutor(THREADS) as pool:
        numbers = range(int(number) * THREADS, (int(number) + 1) * THREADS)
        wrong = list(pool.map(lambda one: _fault(lambda number: is_wrong(model, number), one), numbers))
    print(*filter(None, wrong))  # noqa: T201
    return int(any(wrong))


if __name__ == "__main__":
    sys.exit(_in_a_process(*sys.argv[1:3]))
