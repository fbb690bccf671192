"""Start-up: how soon segcli answers, in CPU seconds of a process of its own, against importing paddle."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.table import Row, as_text

ROOT = Path(__file__).resolve().parents[2]
BAR = 1.65 / 0.35
"""0.35 CPU seconds on the machine on which `import paddle` takes 1.65."""
ROUNDS = 5
_PADDLE = "import paddle"
FAULTY = "Global:\n  model: PP-LiteSg-T\n  mode: trian\nTrain:\n  batchsize: 4\n"


def cpu_seconds(commands: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Least CPU seconds of each command, over several rounds in which all take turns."""
    # an installed command finds its modules compiled
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT)

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
    return [
        Row(f"start-up, {name}", f"{seconds:.2f} s", f"{paddle:.2f} s ({_PADDLE})", paddle / seconds, BAR)
        for name, seconds in measured.items()
    ]


if __name__ == "__main__":
    print(as_text(run()))  # noqa: T201
