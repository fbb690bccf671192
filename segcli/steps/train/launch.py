"""Training in several processes: one per GPU, on one machine or many, or several on the CPU.

Paddle's own launcher starts the processes; each runs `segcli.steps.train.worker` with the same resolved configuration,
and the gradients are averaged by `paddle.DataParallel`. Log lines of the first process are shown at once; the output of
the other processes and of the launcher is in `<output>/processes`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from segcli.children import child_environment
from segcli.config.check import AUTO, parse_device
from segcli.config.schema import Config
from segcli.data.files import write_json_atomic
from segcli.device import available_device
from segcli.engine import Network, TrainingSession
from segcli.errors import TrainingError
from segcli.models.spec import TrainRecipe
from segcli.parent import END_WITH_PARENT
from segcli.processes import world_size
from segcli.signals import Stopped
from segcli.steps.train.advice import advice_from_logs
from segcli.steps.train.freezing import freeze
from segcli.steps.train.result import TrainResult
from segcli.steps.train.stop_request import signals_passed_on
from segcli.steps.train.worker_errors import clear_faults, read_fault

_IN_WORKER = "SEGCLI_TRAINING_PROCESS"
CONFIG_FILE = ".processes.json"
RESULT_FILE = ".processes_result.json"
LAUNCHER_LOG = "launcher.log"
LINE_FORMAT = "segcli:%(levelno)d:%(message)s"
"""Log format of a worker, by which the launching process distinguishes its lines from those of the launcher."""
_LINE = re.compile(r"segcli:(\d+):(.*)")
_FIRST_PORT = 6070
"""First port that Paddle's launcher uses by default."""
_STOPPED = "stopped"
_ENVIRONMENT_DUMPS = ("envlog.*", "backup_env.*", "default.*.log")
"""Files into which Paddle's launcher writes all environment variables, passwords among them."""

log = logging.getLogger("segcli.train")


def device_of(config: Config) -> str:
    """The available device of `Global.device`; with `Train.cpu_processes` above 1, ``auto`` is the CPU."""
    wanted = config.Global.device
    if wanted == AUTO and config.Train.cpu_processes > 1:
        return "cpu"
    return available_device(wanted, strict=config.Global.strict_device)


def is_worker() -> bool:
    """Whether this process is one of several training processes that `train_in_processes` started."""
    return _IN_WORKER in os.environ


def is_needed(config: Config) -> bool:
    """Whether the configuration requires several processes and this is not one of them."""
    if is_worker():
        return False
    several = len(parse_device(device_of(config))[1]) > 1 or config.Train.cpu_processes > 1
    return several or config.Train.dist_ips is not None


def train_in_processes(config: Config) -> TrainResult:
    """Starts the processes of this machine, waits for them and returns the result of the first one.

    Of several machines only the first has the files of the run; the others get the result alone.

    Raises:
        SegcliError: The error that stopped one of the processes.
        TrainingError: A process ended without reporting an error; names the logs.
    """
    output = Path(config.Global.output)
    logs = output / "processes"
    logs.mkdir(parents=True, exist_ok=True)
    for old in logs.glob("workerlog.*"):
        old.unlink()
    write_json_atomic(output / CONFIG_FILE, {"config": config.model_dump(mode="json"), "origins": config.origins})
    (output / RESULT_FILE).unlink(missing_ok=True)
    clear_faults(output)
    worker = Path(__file__).with_name("worker.py")
    code = _run([*_launcher(config, logs), str(worker), str(output / CONFIG_FILE)], logs, output)
    if code or not (output / RESULT_FILE).is_file():
        raise read_fault(output) or _unexplained(code, logs)
    values = json.loads((output / RESULT_FILE).read_text(encoding="utf-8"))
    if _STOPPED in values:
        raise Stopped(**values[_STOPPED])
    return TrainResult.from_dict(values)


def stopped_values(stop: Stopped) -> dict[str, Any]:
    """Plain values that a stopped worker writes into `RESULT_FILE`."""
    return {_STOPPED: {"number": stop.number, "message": stop.message, "hint": stop.hint, "details": stop.details}}


def _unexplained(code: int, logs: Path) -> TrainingError:
    """The error for a process that reported none; the remedy comes from its logs where possible."""
    advice = advice_from_logs(sorted(logs.glob("*log*")))
    hint = "see the logs in this folder" if advice is None else advice
    return TrainingError(f"a training process ended with exit code {code}", path=logs, hint=hint)


def _run(command: list[str], logs: Path, output: Path) -> int:
    """Runs the launcher to its end and relays the log of the first process; returns the exit code.

    The processes run in their own session, so that Ctrl-C in the terminal does not reach them: the first signal is
    relayed so that they stop after the same iteration, the second one ends them.
    """
    environment = child_environment(**{_IN_WORKER: "1", END_WITH_PARENT: "1", "PYTHONSAFEPATH": "1"})
    launcher = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    with launcher, (logs / LAUNCHER_LOG).open("w", encoding="utf-8") as file:
        try:
            with signals_passed_on(output):
                _relay(launcher.stdout or (), file.write)
                launcher.wait()
        except BaseException:
            launcher.terminate()
            raise
    for dump in (path for pattern in _ENVIRONMENT_DUMPS for path in logs.glob(pattern)):
        dump.unlink()
    return launcher.returncode


def _relay(lines: Iterable[str], keep: Callable[[str], object]) -> None:
    """Logs the lines of a worker, except errors (read from its file), and passes all other lines to `keep`."""
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            keep(line)
        elif int(match[1]) < logging.ERROR:
            log.log(int(match[1]), "%s", match[2])


def _launcher(config: Config, logs: Path) -> list[str]:
    command = [sys.executable, "-u", "-m", "paddle.distributed.launch", "--log_dir", str(logs)]
    kind, ids = parse_device(device_of(config))
    count = config.Train.cpu_processes if kind == "cpu" else max(len(ids), 1)
    if config.Train.dist_ips is not None:
        port = first_port(config.Train.dist_port, config.Train.dist_ips.split(","), count)
        command += ["--ips", config.Train.dist_ips, "--start_port", str(port)]
    if kind == "cpu":
        return [*command, "--nproc_per_node", str(count)]
    return [*command, "--devices", ",".join(_labels(ids or (0,)))]


def _labels(ids: Sequence[int]) -> list[str]:
    """Device names for Paddle's launcher: the entries of CUDA_VISIBLE_DEVICES or its counterpart, if set."""
    from paddle.distributed.launch.context.device import Device

    labels = list(Device.parse_device().labels)
    return [labels[index] if index < len(labels) else str(index) for index in ids]


def first_port(wanted: int | None, machines: Sequence[str], count: int) -> int:
    """The first port of the rendezvous; each machine uses one port per process, counted from this one.

    Args:
        wanted: `Train.dist_port`; None chooses a port.
        machines: All machines. A single one uses free ports; several use a fixed port, since all must use the same.
        count: Processes per machine.

    Raises:
        TrainingError: One of the ports is in use on this machine.
    """
    candidates = range(_FIRST_PORT, 1 << 16, count) if len(machines) == 1 else (_FIRST_PORT,)
    for first in candidates if wanted is None else (wanted,):
        taken = [port for port in range(first, first + count) if not _is_free(port)]
        if not taken:
            return first
    raise TrainingError(
        f"port {taken[0]} of this machine, which the training processes need, is in use",
        hint="another training may use it: set Train.dist_port to another number, the same on every machine",
    )


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("", port))
        except OSError:
            return False
        return True


def join(session: TrainingSession, recipe: TrainRecipe | None, frozen: Sequence[str] = ()) -> None:
    """Averages the session's gradients over all processes, if there are several, and freezes layers.

    Args:
        session: The training, changed in place.
        recipe: Says whether batch normalisation is synchronised over all devices. The CPU has no kernel for that;
            there each process normalises its own batch.
        frozen: Layers without gradients, see `segcli.steps.train.freezing`.
    """
    import paddle

    if world_size() == 1:
        freeze(session.network, frozen)
        return
    paddle.distributed.init_parallel_env()
    if recipe is not None and recipe.shares_norms and paddle.get_device() != "cpu":
        # in place: `forward` may be a layer around the network
        paddle.nn.SyncBatchNorm.convert_sync_batchnorm(session.network)
    freeze(session.network, frozen)
    skips = recipe is not None and recipe.skips_parts
    session.forward = paddle.DataParallel(session.forward, find_unused_parameters=skips)


def share_statistics(network: Network, average: Network | None = None) -> None:
    """Averages tensors without gradients (running means and variances) over all processes.

    Each process sees different images; otherwise their networks would evaluate differently, stop at different times
    and resume from the statistics of the first process.

    Args:
        network: The trained network.
        average: Its moving average.
    """
    import paddle

    followed = [network] if average is None else [network, average]
    names = [name for name, tensor in network.state_dict().items() if tensor.stop_gradient]
    with paddle.no_grad():
        for tensors in (layer.state_dict() for layer in followed):
            for tensor in (tensors[name] for name in names):
                if paddle.is_floating_point(tensor):
                    total = tensor.clone()
                    paddle.distributed.all_reduce(total)
                    paddle.assign(total / world_size(), tensor)


def digest(network: Network) -> str:
    """A short checksum of all weights, to check that the processes have the same."""
    total = hashlib.sha256()
    for _, tensor in sorted(network.state_dict().items()):
        total.update(tensor.numpy().tobytes())
    return total.hexdigest()[:16]


def is_first_here() -> bool:
    """Whether this process is the first one of its machine, which writes the result for the launching process."""
    return os.environ.get("PADDLE_LOCAL_RANK", "0") == "0"
