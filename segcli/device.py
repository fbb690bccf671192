"""Which device Paddle computes on: the requested one, or the CPU with one clear warning.

Parsing a device string needs no paddle (`segcli.config.check.parse_device`); asking what is there does, unless the
installed Paddle is built for the CPU alone.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from segcli.config.check import AUTO, DEVICE_KINDS, parse_device
from segcli.cores import available_cores
from segcli.cpu import prepare_cpu
from segcli.errors import MissingPartError
from segcli.nvidia import gpus

_log = logging.getLogger("segcli.device")

_REQUESTED_THREADS = os.environ.get("OMP_NUM_THREADS")
"""Read before paddle is imported, which sets the variable to 1 where it is not set."""

_PADDLE_KINDS = {"dcu": "gpu"}
"""Kinds that Paddle knows by another name: a DCU is driven through ROCm as a GPU."""
_BUILT_FOR = ("cuda_version", "hip_version", "xpu_xre_version")
"""What `paddle/version/__init__.py` says of the devices that the package is built for."""
_GPU_ADVICE = "`segcli doctor --fix --gpu` installs the build for GPUs in its place"


def compute_eagerly() -> None:
    """Makes Paddle compute at once in this thread.

    Where a thread other than the main one was the first to import paddle, all others build static graphs instead.
    """
    import paddle

    if not paddle.in_dynamic_mode():
        paddle.disable_static()


def select_device(device: str, *, strict: bool) -> str:
    """Makes Paddle compute on `device` and returns what it computes on, e.g. ``cpu`` or ``gpu:1``.

    Of several ids a process of a distributed training takes its own, any other process the first. On the CPU all cores
    are used unless OMP_NUM_THREADS says otherwise; Paddle by itself would use one.

    Args:
        device: As in `Global.device`, e.g. ``gpu:0,1``.
        strict: Whether a device that is not there is an error instead of a fall-back to the CPU.

    Raises:
        MissingPartError: The device is not there, and `strict`.
    """
    import paddle

    kind, ids = parse_device(available_device(device, strict=strict))
    name = _PADDLE_KINDS.get(kind, kind)
    if ids and not _in_distributed_training():
        name = f"{name}:{ids[0]}"
    compute_eagerly()
    paddle.set_device(name)
    if kind == "cpu" and _REQUESTED_THREADS is None and not _in_distributed_training():
        paddle.base.core.set_num_threads(cpu_threads())
    if kind == "cpu":
        prepare_cpu()
    return str(paddle.get_device())


def cpu_threads() -> int:
    """Threads with which Paddle computes on the CPU in a training of one process."""
    return int(_REQUESTED_THREADS) if _REQUESTED_THREADS is not None else available_cores()


@cache
def available_device(device: str, *, strict: bool) -> str:
    """The part of `device` that is there: all of it, some of its ids, or the CPU; warns once where it differs.

    Raises:
        MissingPartError: Not all of it is there, and `strict`.
    """
    if parse_device(device)[0] == AUTO:
        return _best_device()
    install = "install Paddle for this device (`segcli doctor`)"
    return part_there(device, device_count, "Paddle", install, strict=strict)


def part_there(
    device: str, count: Callable[[str], int], user: str, install: str, *, why: str | None = None, strict: bool
) -> str:
    """The part of `device` that `user` can use: all of it, some of its ids, or the CPU; warns where it differs.

    Args:
        device: As in `Global.device`, but not ``auto``.
        count: The number of devices of a kind that `user` can use.
        user: What computes, for messages.
        install: What makes it use the device, for messages.
        why: Why it cannot use what is there, for messages; None where that is not known.
        strict: Whether a part that is not there is an error.

    Raises:
        MissingPartError: Not all of it is there, and `strict`.
    """
    kind, ids = parse_device(device)
    if kind == "cpu":
        return device
    number = count(kind)
    there = tuple(index for index in ids if index < number)
    if number and there == ids:
        return device
    found = f"{kind}:{','.join(map(str, there))}" if there else "cpu"
    message = f"{device} was requested, but this machine has {_amount(number, kind)} that {user} can use"
    if why is not None:
        message += f" ({why})"
    if strict:
        raise MissingPartError(message, hint=f"set Global.device={found}, or {install}")
    _log.warning("%s; computing on %s", message, "the CPU" if found == "cpu" else found)
    return found


def _best_device() -> str:
    """The first accelerator that is found, which is logged; else the CPU."""
    if not _built_for_accelerators():
        advice = unused_gpu()
        if advice is not None:
            _log.warning("computing on the CPU, although %s", advice)
        return "cpu"
    there = {kind: number for kind in DEVICE_KINDS if kind != "cpu" and (number := device_count(kind))}
    if not there:
        return "cpu"
    kind, number = next(iter(there.items()))
    rest = f", one of {number}; Global.device={kind}:{','.join(map(str, range(number)))} trains on all" * (number > 1)
    _log.info("computing on %s:0%s (Global.device=cpu computes on the CPU)", kind, rest)
    return f"{kind}:0"


def unused_gpu() -> str | None:
    """What to do about an NVIDIA GPU that the installed Paddle cannot use; None where none is there and visible."""
    if _built_for_accelerators() or not gpus():
        return None
    what = "Paddle is not installed" if find_spec("paddle") is None else "this Paddle is built for the CPU alone"
    return f"this machine has an NVIDIA GPU: {what}; {_GPU_ADVICE}"


def _built_for_accelerators() -> bool:
    """Whether the installed Paddle can drive anything beside the CPU.

    Read from its files, where it is not imported yet: the import takes 1.7 seconds, which prediction with another
    runtime does not need.
    """
    if "paddle" in sys.modules:
        return True
    found = find_spec("paddle")
    if found is None or not found.submodule_search_locations:
        return False
    root = Path(found.submodule_search_locations[0])
    described = root / "version" / "__init__.py"
    if not described.is_file():
        return True
    values = dict(re.findall(r"^(\w+) *= *'?([^'\n]*)'?$", described.read_text(encoding="utf-8"), re.MULTILINE))
    built = any(values.get(name, "None") not in ("False", "None") for name in _BUILT_FOR)
    return built or (root.parent / "paddle_custom_device").is_dir()


@contextmanager
def on_cpu() -> Iterator[None]:
    """Inside the block Paddle builds and computes on the CPU, whatever this process has trained on.

    What is exported is opened on the CPU, so it is written and compared there: a network that is built on one of
    several GPUs holds `sync_batch_norm_`, which has no kernel for the CPU, and the products of an Ampere GPU are
    rounded to TF32, 10 bits.
    """
    import paddle

    before = str(paddle.get_device())
    prepare_cpu()
    paddle.set_device("cpu")
    try:
        yield
    finally:
        paddle.set_device(before)


def device_count(kind: str) -> int:
    """Number of devices of a kind that the installed Paddle can use; beside the CPU 0 where there is no Paddle."""
    name = _PADDLE_KINDS.get(kind, kind)
    if name == "cpu":
        return 1
    if not _built_for_accelerators():
        return 0
    import paddle

    core: Any = paddle.framework.core
    if name == "gpu":
        built = paddle.is_compiled_with_rocm() if kind == "dcu" else paddle.is_compiled_with_cuda()
        return int(paddle.device.cuda.device_count()) if built else 0
    if name == "xpu":
        return int(core.get_xpu_device_count()) if paddle.is_compiled_with_xpu() else 0
    if name in paddle.device.get_all_custom_device_type():
        return int(core.get_custom_device_count(name))
    return 0


def devices_here() -> list[str]:
    """Devices beside the CPU that the installed Paddle can use, with what is known of them: ``gpu:0 NVIDIA A100``."""
    return [
        f"{kind}:{index}{_described(kind, index)}"
        for kind in DEVICE_KINDS
        if kind != "cpu"
        for index in range(device_count(kind))
    ]


def _described(kind: str, index: int) -> str:
    if _PADDLE_KINDS.get(kind, kind) != "gpu":
        return ""
    import paddle

    found = paddle.device.cuda.get_device_properties(index)
    return f" {found.name}, {found.total_memory / 1e9:.1f} GB"


def _in_distributed_training() -> bool:
    """Paddle's launcher has assigned a device to this process."""
    return int(os.environ.get("PADDLE_TRAINERS_NUM", "1")) > 1


def _amount(number: int, kind: str) -> str:
    return f"no {kind}" if number == 0 else f"only {kind}:0" if number == 1 else f"only {kind}:0 to {kind}:{number - 1}"
