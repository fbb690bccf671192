"""What `segcli train DATASET` alone learns from random weights on one CPU core, beside a reference U-Net.

``scripts/bench learn`` runs it; it takes hours and is left out of ``scripts/bench``. SEGCLI_BENCH_SEEDS (``0,1,2``) and
SEGCLI_BENCH_DATA (names of rows) choose less; SEGCLI_BENCH_TIME (``60s``) trains shorter, which tries the benchmark
itself. Data and the reference lie beside the checkout, in `../shared`. Each training's curve is printed as it ends.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from segcli.config.durations import parse_time
from tests.bench.table import Row

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
REFERENCE = SHARED / "refs" / "unet_baseline.py"
REFERENCE_ARGUMENTS = ("unet", "160", "8")
REFERENCE_STEPS = 270
CPU_SECONDS = 600.0
SHORTER = os.environ.get("SEGCLI_BENCH_TIME")


@dataclass(frozen=True)
class Task:
    """One row of the table.

    Attributes:
        name: Of the row.
        folder: Of the data, below `shared/data`.
        convert: Task to which LabelMe data are converted first; None where they need no conversion.
        objects: Whether objects are found, else pixels are labelled.
        bar: Least score; None where it is that of the reference.
    """

    name: str
    folder: str
    convert: str | None
    objects: bool
    bar: float | None


TASKS = (
    Task("SEG", "SEG", None, objects=False, bar=0.52),
    Task("LABELME_SEG", "LABELME_SEG", "semantic", objects=False, bar=0.95),
    Task("INST_nuclei", "INST_nuclei", None, objects=True, bar=0.38),
    Task("LABELME_SEG as objects", "LABELME_SEG", "instance", objects=True, bar=0.80),
    Task("INST", "INST", None, objects=True, bar=None),
    Task("LABELME_INST", "LABELME_INST", "instance", objects=True, bar=None),
)


@dataclass(frozen=True)
class Learnt:
    """What a training gave, and what it took."""

    model: str
    score: float
    cpu_seconds: float
    memory_mb: float
    curve: tuple[tuple[int, float], ...]
    """Steps and the score after them."""

    def shown_curve(self) -> str:
        """Score at shares of the CPU-seconds, which steps share evenly."""
        steps = max(step for step, _ in self.curve)
        return "  ".join(f"{self.cpu_seconds * step / steps:.0f} s: {score:.3f}" for step, score in self.curve)


def run() -> Iterator[Row]:
    """A row per data set and seed."""
    seeds = [int(seed) for seed in os.environ.get("SEGCLI_BENCH_SEEDS", "0,1,2").split(",")]
    names = os.environ.get("SEGCLI_BENCH_DATA", "").split(",")
    for task in TASKS:
        if not (SHARED / "data" / task.folder).is_dir() or (names != [""] and task.name not in names):
            continue
        with tempfile.TemporaryDirectory(prefix="segcli-learn-") as folder:
            data = _data(task, Path(folder))
            theirs, seconds = _reference(task, data, Path(folder))
            for seed in seeds:
                ours = _trained(data, Path(folder) / f"output_{seed}", seed)
                row = _row(task, seed, ours, theirs, seconds)
                print(f"{row.name}\n    {ours.shown_curve()}", flush=True)  # noqa: T201
                yield row


def _row(task: Task, seed: int, ours: Learnt, theirs: float, their_seconds: float) -> Row:
    name = f"{task.name}, seed {seed}: {ours.model} in {ours.cpu_seconds:.0f} CPU-s, {ours.memory_mb:.0f} MB"
    wanted = theirs if task.bar is None else task.bar
    ratio = ours.score / max(wanted, 1e-9)
    if ours.cpu_seconds > CPU_SECONDS:
        ratio = min(ratio, CPU_SECONDS / ours.cpu_seconds)
    kind = "AP" if task.objects else "mIoU"
    reference = f"{wanted:.3f} (U-Net {theirs:.3f} in {their_seconds:.0f} CPU-s)"
    return Row(name, f"{kind} {ours.score:.3f}", reference, ratio, 1.0)


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "SEGCLI_OFFLINE": "1",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }


def _call(arguments: list[str]) -> tuple[str, float, float]:
    """Output, CPU-seconds and peak memory in MB of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    measured = [sys.executable, "-c", _MEASURE, *arguments]
    done = subprocess.run(measured, env=_environment(), capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, seconds, float(done.stderr.rsplit("PEAK_MB ", 1)[-1])


_MEASURE = (
    "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:], stderr=subprocess.STDOUT); "
    "print('PEAK_MB', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, file=sys.stderr); sys.exit(code)"
)


def _data(task: Task, folder: Path) -> Path:
    source = SHARED / "data" / task.folder
    if task.convert is None:
        return source
    copy = Path(shutil.copytree(source, folder / "data"))
    for path in (copy, *copy.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
    output = str(folder / "converted")
    _call([sys.executable, "-m", "segcli", "convert", str(copy), "--task", task.convert, "--output", output])
    return copy


def _trained(data: Path, output: Path, seed: int) -> Learnt:
    command = [sys.executable, "-m", "segcli", "train", str(data), "--output", str(output), "-o", f"Global.seed={seed}"]
    _, seconds, memory = _call([*command, *(["--time", SHORTER] if SHORTER else [])])
    result = json.loads((output / "train_result.json").read_text(encoding="utf-8"))
    events = map(json.loads, (output / "history.jsonl").read_text(encoding="utf-8").splitlines())
    curve = tuple((event["iteration"], event["score"] or 0.0) for event in events if event["event"] == "evaluate")
    return Learnt(result["model_name"], float(result["best_score"] or 0.0), seconds, memory, curve)


def _reference(task: Task, data: Path, folder: Path) -> tuple[float, float]:
    """Score and CPU-seconds of the reference U-Net; for objects with connected components."""
    steps = max(round(REFERENCE_STEPS * parse_time(SHORTER) / CPU_SECONDS), 3) if SHORTER else REFERENCE_STEPS
    settings = (*REFERENCE_ARGUMENTS, str(steps))
    if task.objects:
        arguments = [
            sys.executable,
            "-m",
            "tests.bench.unet_components",
            str(REFERENCE),
            str(data),
            str(folder / "masks"),
        ]
        text, _, _ = _call([*arguments, *settings])
    else:
        names = (data / "class_name.txt").read_text(encoding="utf-8").split("\n")
        classes = sum(bool(name.strip()) for name in names)
        text, _, _ = _call([sys.executable, str(REFERENCE), str(data), *settings, str(classes), "0.003", "dfq"])
    cpu = float(re.findall(r"cpu (\d+)", text)[-1])
    return float(re.findall(r"(?:mIoU|mask AP) ([\d.]+)", text)[-1]), cpu
