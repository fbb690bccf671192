"""Start-up: how soon segcli answers, in CPU seconds of a process of its own, against importing paddle."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.table import Row, as_text

ROOT = Path(__file__).resolve().parents[2]
BAR = 1.65 / 0.35
"""0.35 CPU seconds on the machine on which `import paddle` takes 1.65."""
ROUNDS = 5
FAULTY = "Global:\n  model: PP-LiteSg-T\n  mode: trian\nTrain:\n  batchsize: 4\n"


def cpu_seconds(*command: str) -> float:
    """Least CPU seconds of several runs of a command."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *command], capture_output=True, check=False, env=environment, cwd=ROOT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    once()  # fills the caches of the disk and of compiled files
    return min(once() for _ in range(ROUNDS))


def run() -> list[Row]:
    """Help, version and a configuration with faults, through both doors."""
    paddle = cpu_seconds("-c", "import paddle")
    with tempfile.TemporaryDirectory() as folder:
        faulty = Path(folder) / "faulty.yaml"
        faulty.write_text(FAULTY, encoding="utf-8")
        commands = {
            "segcli --help": ("-m", "segcli.cli.main", "--help"),
            "segcli --version": ("-m", "segcli.cli.main", "--version"),
            "segcli train with faults": ("-m", "segcli.cli.main", "train", "-c", str(faulty)),
            "main.py with faults": ("main.py", "-c", str(faulty)),
        }
        measured = {name: cpu_seconds(*command) for name, command in commands.items()}
    return [
        Row(f"start-up, {name}", f"{seconds:.2f} s", f"{paddle:.2f} s (import paddle)", paddle / seconds, BAR)
        for name, seconds in measured.items()
    ]


if __name__ == "__main__":
    print(as_text(run()))  # noqa: T201
