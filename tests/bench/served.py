"""A model of ours behind `segcli serve`, and the same one behind `paddlex --serve`, under the same load."""

from __future__ import annotations

import base64
import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from segcli.data.sources import SourceItem
from segcli.report.fonts import default_font
from segcli.steps.pipelines.create import create_pipeline
from tests.bench.load import CLIENTS, SHAPE, Load, image_text, run_load
from tests.bench.peers.environments import PEERS
from tests.bench.table import Row

PORT = 18111
PADDLEX_FONT = "PADDLE_PDX_LOCAL_FONT_FILE_PATH"
_ALONE_RUNS = 30


@dataclass(frozen=True)
class Kind:
    """A kind of model that is served.

    Attributes:
        pipeline: PaddleX's name of the pipeline.
        key: PaddleX's name of its model in the pipeline's YAML.
        model: The model.
        run: Makes a folder with its export.
        settings: What PaddleX's YAML must say of the model besides.
        fields: What each request says besides the image.
    """

    pipeline: str
    key: str
    model: str
    run: Callable[[], Path]
    settings: Mapping[str, Any]
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def route(self) -> str:
        """Where both services take images."""
        return "/" + self.pipeline.replace("_", "-")


def measured(kind: Kind) -> list[Row]:
    """Throughput, refusals and memory."""
    folder = kind.run() / "run/best_model/inference"
    alone = _alone(folder)
    ours = _ours(folder, kind)
    right, answered = sum(400 <= status < 500 for status in ours.bad), len(ours.good.get(200, []))
    asked, (early, late) = sum(map(len, ours.good.values())), ours.halves_mb()
    name = f"serve {kind.model}, {CLIENTS} clients, {SHAPE[1]}x{SHAPE[0]}"
    speed = f"{ours.per_cpu_second:.1f} per CPU-s"
    times = f"{answered} answers, p50 {ours.quantile(0.5)}, p99 {ours.quantile(0.99)}"
    rows = [
        Row(name, f"{speed}, {times}", f"{alone:.1f} without HTTP", ours.per_cpu_second / alone, 0.4),
        Row(f"{name}: bad requests refused with 4xx", f"{right}", f"{len(ours.bad)}", right / len(ours.bad), 1.0),
        Row(f"{name}: good requests answered", f"{answered}", f"{asked}", answered / asked, 1.0),
        Row(f"{name}: memory of the second half", f"{late:.0f} MB", f"{early:.0f} MB before", early / late, 0.97),
    ]
    python = PEERS["paddlex"].python()
    if python:
        theirs = _paddlex(python, folder, kind)
        if 200 not in theirs.good:
            statuses = {status: len(found) for status, found in theirs.good.items()}
            print(f"{kind.model}: PaddleX answers no request, statuses: {statuses}", file=sys.stderr)  # noqa: T201
            return rows
        said = f"{theirs.per_cpu_second:.1f} per CPU-s, p50 {theirs.quantile(0.5)}, p99 {theirs.quantile(0.99)}"
        ratio = ours.per_cpu_second / theirs.per_cpu_second
        rows.append(Row(f"{name}, against PaddleX 3.7.2", speed, said, ratio, 3.0))
    return rows


def _alone(folder: Path) -> float:
    """Images per CPU-second of the pipeline without HTTP, from decoded images to results."""
    pipeline = create_pipeline(folder)
    pixels = cv2.imdecode(np.frombuffer(base64.b64decode(image_text()), np.uint8), cv2.IMREAD_COLOR)
    item = SourceItem(None, None, Path("image"), pixels)
    pipeline.answer([item])
    begin = time.process_time()
    for _ in range(_ALONE_RUNS):
        pipeline.answer([item])
    return _ALONE_RUNS / (time.process_time() - begin)


def _ours(folder: Path, kind: Kind) -> Load:
    command = [sys.executable, "-m", "segcli", "serve", str(folder), "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        url = next(word.rstrip("/") for line in process.stdout for word in line.split() if word.startswith("http://"))
        try:
            return run_load(process.pid, int(url.rpartition(":")[2]), kind.route, kind.fields)
        finally:
            process.terminate()


def _paddlex(python: str, folder: Path, kind: Kind) -> Load:
    with tempfile.TemporaryDirectory() as place:
        module: dict[str, Any] = {"module_name": kind.pipeline, "model_name": kind.model, "model_dir": str(folder)}
        module |= {"batch_size": 1, **kind.settings}
        file, log = Path(place) / "p.yaml", Path(place) / "log"
        values = {"pipeline_name": kind.pipeline, "SubModules": {kind.key: module}}
        file.write_text(yaml.safe_dump(values), encoding="utf-8")
        command = [python, "-m", "paddlex", "--serve", "--pipeline", str(file), "--host", "127.0.0.1"]
        # Paddle 3.3.1's default oneDNN fails on every model; our own packages would hide PaddleX's
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        # PaddleX downloads a font before it draws an object, and without network answers 500
        environment |= {"PADDLE_PDX_ENABLE_MKLDNN_BYDEFAULT": "False", PADDLEX_FONT: str(default_font())}
        with (
            log.open("wb") as out,
            subprocess.Popen([*command, "--port", str(PORT)], env=environment, stdout=out, stderr=out) as process,
        ):
            try:
                _wait_for_health(process, log)
                return run_load(process.pid, PORT, kind.route, kind.fields)
            finally:
                process.terminate()


def _wait_for_health(process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 300
    while time.monotonic() < end and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(1)
        finally:
            connection.close()
    raise TimeoutError(f"PaddleX's service does not answer: {log.read_text(errors='replace')[-1500:]}")
