"""Tests that the installation works: each part runs in its own process, so that a crash becomes a finding."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from segcli.children import child_environment
from segcli.cores import available_cores
from segcli.cpu import ALLOCATOR, CONVOLUTIONS, can_reuse_memory, find_onednn
from segcli.device import unused_gpu
from segcli.plurals import counted
from segcli.steps.doctor.health import Observation, State
from segcli.steps.doctor.packages import ENGINES, engine_remedy

_FREE_GB = 2.0
_SECONDS = 180
_TRIALS = {
    "paddle": "import paddle; assert float(paddle.ones([2]).sum()) == 2",
    "paddleseg": "from segcli.engines.paddleseg.importing import import_paddleseg as f; f()",
    "paddledet": "from segcli.engines.paddledet.importing import import_ppdet as f; f()",
}
_DEVICES = "from segcli.device import devices_here; print('devices:', *devices_here(), sep='\\n')"
_ONNX_GPUS = "from segcli.inference.runtimes.onnx_cuda import gpus_as_json; print(gpus_as_json())"
_SHARED_MEMORY = Path("/dev/shm")
_SHARED_GB = 1.0


def check_system() -> Iterator[Observation]:
    """Python, the machine and the disk."""
    version = platform.python_version()
    supported = (3, 10) <= sys.version_info[:2] <= (3, 13)
    advice = None if supported else "make the environment with Python 3.10, 3.11, 3.12 or 3.13"
    yield Observation("system", "python", version, State.GOOD if supported else State.BAD, advice=advice)
    yield Observation(
        "system",
        "platform",
        f"{platform.system()} {platform.machine()}, {counted(available_cores(), 'core')} for this process",
    )
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    enough = free_gb >= _FREE_GB
    note = None if enough else "free some space, or choose another Global.output"
    yield Observation("system", "free disk", f"{free_gb:.1f} GB", State.GOOD if enough else State.NOTE, advice=note)


def check_trials() -> Iterator[Observation]:
    """Tests that Paddle computes and that the engines can be imported."""
    for name, code in _TRIALS.items():
        fault = _fault_of(code)
        topic = "engines" if name in ENGINES else "packages"
        if fault is None:
            yield Observation(topic, f"{name} works", "yes")
        else:
            remedy = engine_remedy(name) if name in ENGINES else ()
            yield Observation(topic, f"{name} works", fault, State.BAD, remedy)


def check_devices() -> Iterator[Observation]:
    """Devices besides the CPU that the installed Paddle can use, and a GPU that it cannot use."""
    done = _run(_DEVICES)
    if done is None or done.returncode:
        return
    lines = [line.strip() for line in done.stdout.strip().splitlines()]
    found = lines[lines.index("devices:") + 1 :]
    for device in found:
        name, _, described = device.partition(" ")
        yield Observation("devices", name, described or "can be used")
    if not found:
        advice = unused_gpu()
        value = "none that Paddle can use" if advice else "none"
        yield Observation("devices", "beside the CPU", value, State.NOTE if advice else State.GOOD, advice=advice)


def check_onnx_gpus() -> Iterator[Observation]:
    """GPUs on which ONNX Runtime runs exported models, or what keeps it from those that are there."""
    done = _run(_ONNX_GPUS)
    if done is None or done.returncode:
        return
    told = json.loads(done.stdout.splitlines()[-1])
    if told["message"] is not None:
        yield Observation("devices", "GPUs for exported models", told["message"], State.NOTE, advice=told["remedy"])
        return
    for index, described in enumerate(told["gpus"]):
        yield Observation("devices", f"gpu:{index} of ONNX Runtime", described)


def check_allocator() -> Iterator[Observation]:
    """Whether tensor memory is reused (`segcli.cpu`), and how to switch that off."""
    if can_reuse_memory():
        yield Observation("devices", "memory of tensors", f"reused; {ALLOCATOR}=system returns it each time")
    else:
        yield Observation("devices", "memory of tensors", "returned to the system each time")


def check_convolutions() -> Iterator[Observation]:
    """By what networks compute convolutions on the CPU, and how to switch that off."""
    if find_onednn() is not None:
        yield Observation("devices", "convolutions on the CPU", f"by oneDNN; {CONVOLUTIONS}=paddle by Paddle")
    else:
        yield Observation("devices", "convolutions on the CPU", "by Paddle")


def check_shared_memory() -> Iterator[Observation]:
    """Shared memory for data loading processes, which is small in containers."""
    if not _SHARED_MEMORY.is_dir():
        return
    free_gb = shutil.disk_usage(_SHARED_MEMORY).free / 1e9
    enough = free_gb >= _SHARED_GB
    note = None if enough else "few processes can load: start the container with --shm-size=8g"
    yield Observation(
        "devices", "shared memory", f"{free_gb:.1f} GB", State.GOOD if enough else State.NOTE, advice=note
    )


def check_fonts() -> Iterator[Observation]:
    """Fonts that draw class names in any script."""
    try:
        from segcli.report.fonts import fallback_fonts

        found = fallback_fonts("类别")
    except Exception as error:  # font problems must not stop doctor
        yield Observation("fonts", "wide font", f"cannot be looked up: {error}", State.NOTE)
        return
    if found:
        yield Observation("fonts", "wide font", ", ".join(path.stem for path in found))
    else:
        advice = "install a font such as Noto Sans CJK for class names beyond Latin, Greek and Cyrillic"
        yield Observation("fonts", "wide font", "none", State.NOTE, advice=advice)


def _fault_of(code: str) -> str | None:
    done = _run(code)
    if done is None:
        return f"no answer within {_SECONDS} seconds"
    if done.returncode == 0:
        return None
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"ended with code {done.returncode}"


def _run(code: str) -> subprocess.CompletedProcess[str] | None:
    command = [sys.executable, "-c", code]
    try:
        return subprocess.run(
            command, env=child_environment(), capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return None
