"""Start-up: how soon segcli answers, in CPU seconds of a process of its own, against importing paddle.

And how soon one small image is predicted by a model that was used before, in a process of its own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from segcli.steps.export.command import export_weights
from tests.bench.commands import installed_environment
from tests.bench.table import Row, as_text
from tests.trained_model import MODEL, make_config, save_weights

ROOT = Path(__file__).resolve().parents[2]
BAR = 1.65 / 0.35
"""0.35 CPU seconds on the machine on which `import paddle` takes 1.65."""
ROUNDS = 5
_PADDLE = "import paddle"
FAULTY = "Global:\n  model: PP-LiteSg-T\n  mode: trian\nTrain:\n  batchsize: 4\n"


COLD_BAR = 0.6
"""CPU seconds of the prediction of one image, of which the libraries' imports are a third."""


def cpu_seconds(commands: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Least CPU seconds of each command, over several rounds in which all take turns."""
    environment = {**installed_environment(), "PYTHONPATH": str(ROOT)}

    def once(command: Sequence[str]) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *command], capture_output=True, check=False, env=environment, cwd=ROOT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    for command in commands.values():
        once(command)  # fills the caches of the disk and of compiled files
    rounds = [{name: once(command) for name, command in commands.items()} for _ in range(ROUNDS)]
    return {name: min(each[name] for each in rounds) for name in commands}


def run() -> list[Row]:
    """Help, version and a configuration with faults, through both entry points."""
    with tempfile.TemporaryDirectory() as folder:
        faulty = Path(folder) / "faulty.yaml"
        faulty.write_text(FAULTY, encoding="utf-8")
        measured = cpu_seconds(
            {
                _PADDLE: ("-c", "import paddle"),
                "segcli --help": ("-m", "segcli.cli.main", "--help"),
                "segcli --version": ("-m", "segcli.cli.main", "--version"),
                "segcli train with faults": ("-m", "segcli.cli.main", "train", "-c", str(faulty)),
                "main.py with faults": ("main.py", "-c", str(faulty)),
            }
        )
    paddle = measured.pop(_PADDLE)
    rows = [
        Row(f"start-up, {name}", f"{seconds:.2f} s", f"{paddle:.2f} s ({_PADDLE})", paddle / seconds, BAR)
        for name, seconds in measured.items()
    ]
    return [*rows, _cold_prediction()]


def _cold_prediction() -> Row:
    """One image of 320x240, 19 classes; the first run makes and proves what later ones read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = save_weights(folder / "best_model", names=tuple(f"c{number}" for number in range(19)))
        export_weights(weights, folder / "inference", make_config(folder, Export={"verify": False}))
        image = cv2.resize(np.random.default_rng(0).integers(0, 256, (24, 32, 3)).astype(np.uint8), (320, 240))
        cv2.imwrite(str(folder / "image.jpg"), image)
        words = ("--model-dir", f"{folder}/inference", "--output", f"{folder}/output")
        command = ("-m", "segcli.cli.main", "predict", f"{folder}/image.jpg", *words)
        seconds = cpu_seconds({"predict": command})["predict"]
    name = f"predict one 320x240 image with {MODEL}, whole process"
    return Row(name, f"{seconds:.2f} CPU-s", f"{COLD_BAR:.2f} CPU-s (bar)", COLD_BAR / seconds, 1.0)


if __name__ == "__main__":
    print(as_text(run()))  # noqa: T201
