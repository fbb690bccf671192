"""A model of ours behind `segcli serve`, and the same one behind `paddlex --serve`, under the same load."""

from __future__ import annotations

import base64
import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from segcli.data.sources import SourceItem
from segcli.plurals import counted
from segcli.report.fonts import default_font
from segcli.steps.pipelines.create import create_pipeline
from tests.bench.load import CLIENTS, SHAPE, Load, Requests, image_text, run_load
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
        source: Makes what is served: the folder of an export, or a pipeline's YAML.
        settings: What PaddleX's YAML must say of the model besides; None where PaddleX has no such model.
        fields: What each request says besides the image.
        arguments: The same for the pipeline without HTTP.
        faults: What bad requests say besides the image, in addition to those that any route refuses.
        images: Number of different images that are sent in turn.
    """

    pipeline: str
    key: str
    model: str
    source: Callable[[], Path]
    settings: Mapping[str, Any] | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    faults: Sequence[Mapping[str, Any]] = ()
    images: int = 1

    @property
    def route(self) -> str:
        """Where both services take images."""
        return "/" + self.pipeline.replace("_", "-")


def measured(kind: Kind) -> list[Row]:
    """Throughput, refusals and memory."""
    source = kind.source()
    alone = _alone(source, kind)
    ours = _ours(source, kind)
    right, answered = sum(400 <= status < 500 for status in ours.bad), len(ours.good.get(200, []))
    asked, (early, late) = sum(map(len, ours.good.values())), ours.halves_mb()
    name = f"serve {kind.model}, {CLIENTS} clients, {counted(kind.images, 'image')} of {SHAPE[1]}x{SHAPE[0]}"
    speed = f"{ours.per_cpu_second:.1f} per CPU-s"
    times = f"{answered} answers, p50 {ours.quantile(0.5)}, p99 {ours.quantile(0.99)}"
    rows = [
        Row(name, f"{speed}, {times}", f"{alone:.1f} without HTTP", ours.per_cpu_second / alone, 0.4),
        Row(
            f"{name}: bad requests refused with 4xx", f"{right}", f"{len(ours.bad)}", right / max(1, len(ours.bad)), 1.0
        ),
        Row(f"{name}: good requests answered", f"{answered}", f"{asked}", answered / asked, 1.0),
        Row(f"{name}: memory of the second half", f"{late:.0f} MB", f"{early:.0f} MB before", early / late, 0.97),
    ]
    python = PEERS["paddlex"].python()
    if python and kind.settings is not None:
        theirs = _paddlex(python, source, kind, kind.settings)
        if 200 not in theirs.good:
            statuses = {status: len(found) for status, found in theirs.good.items()}
            print(f"{kind.model}: PaddleX answers no request, statuses: {statuses}", file=sys.stderr)  # noqa: T201
            return rows
        said = f"{theirs.per_cpu_second:.1f} per CPU-s, p50 {theirs.quantile(0.5)}, p99 {theirs.quantile(0.99)}"
        ratio = ours.per_cpu_second / theirs.per_cpu_second
        rows.append(Row(f"{name}, against PaddleX 3.7.2", speed, said, ratio, 3.0))
    return rows


def _alone(source: Path, kind: Kind) -> float:
    """Images per CPU-second of the pipeline without HTTP, from decoded images to results."""
    pipeline = create_pipeline(source)
    items = [_item(number) for number in range(min(kind.images, _ALONE_RUNS))]
    pipeline.answer(items[:1], **kind.arguments)
    begin = time.process_time()
    for run in range(_ALONE_RUNS):
        pipeline.answer([items[run % len(items)]], **kind.arguments)
    return _ALONE_RUNS / (time.process_time() - begin)


def _item(number: int) -> SourceItem:
    """A decoded image."""
    data = np.frombuffer(base64.b64decode(image_text(number)), np.uint8)
    return SourceItem(None, None, Path(f"image_{number}"), cv2.imdecode(data, cv2.IMREAD_COLOR))


def _load(pid: int, port: int, kind: Kind) -> Load:
    return run_load(pid, port, kind.route, Requests(kind.fields, kind.faults, kind.images))


def _ours(source: Path, kind: Kind) -> Load:
    command = [sys.executable, "-m", "segcli", "serve", str(source), "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        url = next(word.rstrip("/") for line in process.stdout for word in line.split() if word.startswith("http://"))
        try:
            return _load(process.pid, int(url.rpartition(":")[2]), kind)
        finally:
            process.terminate()


def _paddlex(python: str, folder: Path, kind: Kind, settings: Mapping[str, Any]) -> Load:
    with tempfile.TemporaryDirectory() as place:
        module: dict[str, Any] = {"module_name": kind.pipeline, "model_name": kind.model, "model_dir": str(folder)}
        module |= {"batch_size": 1, **settings}
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
                return _load(process.pid, PORT, kind)
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
