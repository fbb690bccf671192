"""Which device Paddle computes on: the one that was asked for, or the CPU with one clear warning.

Parsing a device string needs no paddle (`segcli.config.check.parse_device`); asking what is there does.
"""

from __future__ import annotations

import logging
import os
from functools import cache
from pathlib import Path
from typing import Any

from segcli.config.check import parse_device
from segcli.errors import MissingPartError

_log = logging.getLogger("segcli.device")

_THREADS_ASKED_FOR = os.environ.get("OMP_NUM_THREADS")
"""Read before paddle is imported, which sets the variable to 1 where it is not set."""

_MKL_PROCESSOR = "MKL_DEBUG_CPU_TYPE"
_MKL_AVX2 = "5"
_CPU_INFO = Path("/proc/cpuinfo")

_PADDLE_KINDS = {"dcu": "gpu"}
"""Kinds that Paddle knows by another name: a DCU is driven through ROCm as a GPU."""


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
    paddle.set_device(name)
    if kind == "cpu" and _THREADS_ASKED_FOR is None and not _in_distributed_training():
        paddle.base.core.set_num_threads(os.cpu_count() or 1)
    if kind == "cpu":
        use_fast_kernels()
    return str(paddle.get_device())


def use_fast_kernels() -> None:
    """Lets Paddle's products of matrices use AVX2 on processors that are not Intel's; before the first product.

    The MKL in Paddle (2019.0.5) takes its oldest kernels there unless it is told what the processor can do. A product
    then takes 2.6 times as long, a convolution 2.4 times. A value that the user has set stays.
    """
    if _MKL_PROCESSOR not in os.environ and _CPU_INFO.is_file():
        words = set(_CPU_INFO.read_text(encoding="utf-8").partition("\n\n")[0].split())
        if "GenuineIntel" not in words and {"avx2", "fma"} <= words:
            os.environ[_MKL_PROCESSOR] = _MKL_AVX2


@cache
def available_device(device: str, *, strict: bool) -> str:
    """The part of `device` that is there: all of it, some of its ids, or the CPU; warns once where it differs.

    Raises:
        MissingPartError: Not all of it is there, and `strict`.
    """
    kind, ids = parse_device(device)
    if kind == "cpu":
        return device
    number = device_count(kind)
    there = tuple(index for index in ids if index < number)
    if number and there == ids:
        return device
    found = f"{kind}:{','.join(map(str, there))}" if there else "cpu"
    message = f"{device} was asked for, but this machine has {_amount(number, kind)} that Paddle can use"
    if strict:
        hint = f"set Global.device={found}, or install Paddle for this device (`segcli doctor`)"
        raise MissingPartError(message, hint=hint)
    _log.warning("%s; computing on %s", message, "the CPU" if found == "cpu" else found)
    return found


def device_count(kind: str) -> int:
    """Number of devices of a kind that the installed Paddle can use."""
    import paddle

    name = _PADDLE_KINDS.get(kind, kind)
    core: Any = paddle.framework.core
    if name == "cpu":
        return 1
    if name == "gpu":
        built = paddle.is_compiled_with_rocm() if kind == "dcu" else paddle.is_compiled_with_cuda()
        return int(paddle.device.cuda.device_count()) if built else 0
    if name == "xpu":
        return int(core.get_xpu_device_count()) if paddle.is_compiled_with_xpu() else 0
    if name in paddle.device.get_all_custom_device_type():
        return int(core.get_custom_device_count(name))
    return 0


def _in_distributed_training() -> bool:
    """Paddle's launcher has assigned a device to this process."""
    return int(os.environ.get("PADDLE_TRAINERS_NUM", "1")) > 1


def _amount(number: int, kind: str) -> str:
    return f"no {kind}" if number == 0 else f"only {kind}:0" if number == 1 else f"only {kind}:0 to {kind}:{number - 1}"
