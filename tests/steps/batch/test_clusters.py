"""A batch on clusters of this machine, where Ray and Dask are installed (the extras ``ray`` and ``dask``)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from tests.onnx_models import semantic_guest
from tests.steps.batch.leases import kill_holder

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = {"ray": "ray", "dask": "distributed"}
SHARDS = 6


@pytest.mark.slow
@pytest.mark.parametrize("executor", list(PACKAGES))
def test_a_killed_worker_costs_one_shard_at_most(tmp_path, executor):
    pytest.importorskip(PACKAGES[executor], reason=f"{PACKAGES[executor]} is optional")
    images, out = tmp_path / "in", tmp_path / "out"
    images.mkdir()
    for number in range(2 * SHARDS):
        cv2.imwrite(str(images / f"{number:02d}.png"), np.full((1500, 1500, 3), 20 * number, np.uint8))
    command = [sys.executable, "-m", "segcli", "batch", str(images), "--out", str(out), "--shard-size", "2"]
    command += ["--model-dir", str(semantic_guest(tmp_path)), "--device", "cpu", "--runtime", "onnxruntime"]
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    running = subprocess.Popen(
        [*command, "--executor", executor, "--workers", "2"],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    killed, seen = _kill_one(running, out / "work")
    output = running.communicate(timeout=300)[0]
    assert running.returncode == 0, output
    assert killed is not None
    assert len([name for name in seen if name.split(".")[1] != "1"]) <= 1, seen  # shards that were begun again
    rows = [json.loads(line) for file in (out / "shards").glob("*.jsonl") for line in file.read_text().splitlines()]
    assert sorted(Path(row["input_path"]).stem for row in rows) == [f"{number:02d}" for number in range(2 * SHARDS)]
    assert not any("error" in row for row in rows)


def _kill_one(running, work):
    """Kills the first worker that holds a lease; its process id, and the names of all leases until the end."""
    end, killed, seen = time.monotonic() + 300, None, set()
    while running.poll() is None and time.monotonic() < end:
        for file in work.glob("*.lease"):
            seen.add(file.name)
            if killed is None:
                killed = kill_holder(file)
        time.sleep(0.01)
    return killed, seen
