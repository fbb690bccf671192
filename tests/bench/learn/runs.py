"""One training of ours or of the reference, as a process whose CPU-seconds and memory are counted."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.config.durations import parse_time
from tests.bench.learn.results import OURS, REFERENCE, Learnt
from tests.bench.learn.tasks import CPU_SECONDS, Task

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT.parent / "shared"
_REFERENCE = SHARED / "refs" / "unet_baseline.py"
_REFERENCE_ARGUMENTS = ("unet", "160", "8")
_TRIED_STEPS = 9
_FOR_STEPS = 0.9
"""Share of the time that the reference's steps may take; reading and measuring take the rest."""


@dataclass(frozen=True)
class Ended:
    """A process that has ended."""

    output: str
    cpu_seconds: float
    memory_mb: float
    was_stopped: bool


def prepared(task: Task, folder: Path) -> Path:
    """The dataset, as `segcli train` takes it: LabelMe data are copied and converted."""
    source = SHARED / "data" / task.folder
    if task.convert is None:
        return source
    copy = Path(shutil.copytree(source, folder / "data"))
    for path in (copy, *copy.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
    output = str(folder / "converted")
    run_counted([sys.executable, "-m", "segcli", "convert", str(copy), "--task", task.convert, "--output", output])
    return copy


def trained(
    task: Task, data: Path, output: Path, *, seed: int, limit: str | None = None, enough: float | None = None
) -> Learnt:
    """Trains with no option but the dataset, and the seed.

    Args:
        task: What is learnt.
        data: The dataset.
        output: Where to.
        seed: Of the training.
        limit: `--time`; None leaves it to the plan.
        enough: Score at which the training is stopped; None trains to the end.
    """
    command = [sys.executable, "-m", "segcli", "train", str(data), "--output", str(output), "-o", f"Global.seed={seed}"]
    history = output / "history.jsonl"

    def is_enough() -> bool:
        return enough is not None and any((event["score"] or 0.0) >= enough for event in _evaluations(history))

    ended = run_counted([*command, *(["--time", limit] if limit else [])], is_enough)
    result = json.loads((output / "train_result.json").read_text(encoding="utf-8"))
    steps = int(result["iterations"])
    curve = tuple(
        (ended.cpu_seconds * event["iteration"] / steps, event["score"] or 0.0) for event in _evaluations(history)
    )
    stopped = "stopped at its bar" if ended.was_stopped else result["stop_reason"]
    score = float(result["best_score"] or 0.0)
    return Learnt(
        task.name, seed, OURS, limit, result["model_name"], score, steps, ended.cpu_seconds, ended.memory_mb, curve,
        stopped, _commit(),
    )  # fmt: skip


def reference(task: Task, data: Path, folder: Path, limit: str | None) -> Learnt:
    """The reference U-Net with as many steps as fit into the same CPU-seconds; objects are connected components."""
    seconds = _FOR_STEPS * (parse_time(limit) if limit else CPU_SECONDS)
    tried = _numbers(run_counted(_reference_command(task, data, folder / "tried", _TRIED_STEPS)).output, r"cpu (\d+)")
    steps = max(round(_TRIED_STEPS * seconds / max(tried[-1], 1.0)), _TRIED_STEPS)
    ended = run_counted(_reference_command(task, data, folder / "reference", steps))
    seen = _numbers(ended.output, r"cpu (\d+)"), _numbers(ended.output, r"mIoU ([\d.]+)")
    score = _numbers(ended.output, r"mask AP ([\d.]+)")[-1] if task.objects else seen[1][-1]
    curve = ((ended.cpu_seconds, score),) if task.objects else tuple(zip(*seen, strict=True))
    model = "reference U-Net" + (", connected components" if task.objects else "")
    return Learnt(
        task.name, 0, REFERENCE, limit, model, score, steps, ended.cpu_seconds, ended.memory_mb, curve,
        commit=_commit(),
    )  # fmt: skip


def _reference_command(task: Task, data: Path, masks: Path, steps: int) -> list[str]:
    settings = [*_REFERENCE_ARGUMENTS, str(steps)]
    if task.objects:
        module = ["-m", "tests.bench.learn.unet_components"]
        return [sys.executable, *module, str(_REFERENCE), str(data), str(masks), *settings]
    names = (data / "class_name.txt").read_text(encoding="utf-8").split("\n")
    classes = sum(bool(name.strip()) for name in names)
    return [sys.executable, str(_REFERENCE), str(data), *settings, str(classes), "0.003", "dfq"]


def _numbers(text: str, pattern: str) -> list[float]:
    return [float(found) for found in re.findall(pattern, text)]


def _evaluations(history: Path) -> list[dict[str, Any]]:
    lines = history.read_text(encoding="utf-8").splitlines(keepends=True) if history.is_file() else []
    events = [json.loads(line) for line in lines if line.endswith("\n")]
    return [event for event in events if event["event"] == "evaluate"]


def run_counted(command: list[str], is_enough: Callable[[], bool] = lambda: False) -> Ended:
    """Runs a process on one core, and stops it as Ctrl-C does when `is_enough` says so."""
    own = {"OMP_NUM_THREADS": "1", "SEGCLI_OFFLINE": "1", "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        process = subprocess.Popen(command, env={**os.environ, **own}, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        stopped, ended, status = False, 0, 0
        try:
            while not ended:
                time.sleep(1)
                ended, status, used = os.wait4(process.pid, os.WNOHANG)
                if not ended and not stopped and is_enough():
                    stopped = True
                    process.send_signal(signal.SIGTERM)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        output = log.read()
    if process.returncode and not stopped:
        raise RuntimeError(f"{' '.join(command)}\n{output[-6000:]}")
    return Ended(output, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, stopped)


def _commit() -> str:
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return said.stdout.strip()
