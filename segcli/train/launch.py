"""Training in several processes: one a GPU, on one machine or many, or several on the CPU.

Paddle's own launcher starts the processes; each runs `segcli.train.worker` with the same resolved configuration, and
the gradients are averaged by `paddle.DataParallel`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from segcli.config.check import parse_device
from segcli.config.schema import Config
from segcli.data.files import write_json_atomic
from segcli.engines.device import available_device
from segcli.engines.protocol import TrainingSession
from segcli.errors import TrainingError
from segcli.train.result import TrainResult

_IN_WORKER = "SEGCLI_TRAINING_PROCESS"
CONFIG_FILE = ".processes.json"
RESULT_FILE = ".processes_result.json"


def _device_ids(config: Config) -> tuple[int, ...]:
    """Ids of the devices that were asked for and are there."""
    return parse_device(available_device(config.Global.device, strict=config.Global.strict_device))[1]


def is_needed(config: Config) -> bool:
    """Whether the configuration asks for several processes and this is not one of them."""
    if _IN_WORKER in os.environ:
        return False
    several = len(_device_ids(config)) > 1 or config.Train.cpu_processes > 1
    return several or config.Train.dist_ips is not None


def train_in_processes(config: Config) -> TrainResult:
    """Starts the processes, waits for them and returns what the first one found.

    Raises:
        TrainingError: A process failed; names its log.
    """
    output = Path(config.Global.output)
    output.mkdir(parents=True, exist_ok=True)
    logs = output / "processes"
    write_json_atomic(output / CONFIG_FILE, config.model_dump(mode="json"))
    (output / RESULT_FILE).unlink(missing_ok=True)
    worker = Path(__file__).with_name("worker.py")
    command = [*_launcher(config, logs), str(worker), str(output / CONFIG_FILE)]
    code = subprocess.run(command, env={**os.environ, _IN_WORKER: "1"}, check=False).returncode
    if code or not (output / RESULT_FILE).is_file():
        raise TrainingError(f"a training process ended with exit code {code}", path=logs, hint="its last lines say why")
    return TrainResult.from_dict(json.loads((output / RESULT_FILE).read_text(encoding="utf-8")))


def _launcher(config: Config, logs: Path) -> list[str]:
    command = [sys.executable, "-m", "paddle.distributed.launch", "--log_dir", str(logs)]
    if config.Train.dist_ips is not None:
        command += ["--ips", config.Train.dist_ips]
    if config.Train.cpu_processes > 1:
        return [*command, "--nproc_per_node", str(config.Train.cpu_processes), "--backend", "gloo"]
    return [*command, "--devices", ",".join(map(str, _device_ids(config) or (0,)))]


def join(session: TrainingSession) -> None:
    """Makes the session's gradients the mean over all processes; does nothing when there is one."""
    import paddle

    if world_size() == 1:
        return
    paddle.distributed.init_parallel_env()
    session.forward = paddle.DataParallel(session.network)


def world_size() -> int:
    """Number of processes that train together."""
    import paddle

    return int(paddle.distributed.get_world_size())


def is_first() -> bool:
    """Whether this process writes the files."""
    import paddle

    return int(paddle.distributed.get_rank()) == 0
