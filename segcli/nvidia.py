"""NVIDIA GPUs of this machine as their driver tells, which needs no library of CUDA and no framework."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any, NamedTuple

_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_NAME_BYTES = 256


class Gpu(NamedTuple):
    """One GPU.

    Attributes:
        name: As its maker calls it.
        memory_bytes: Its memory.
    """

    name: str
    memory_bytes: int

    def __str__(self) -> str:
        return f"{self.name}, {self.memory_bytes / 1e9:.1f} GB"


@cache
def gpus() -> tuple[Gpu, ...]:
    """The GPUs in the order of their ids, those that `CUDA_VISIBLE_DEVICES` leaves; none where there is no driver."""
    driver, count = _driver(), ctypes.c_int()
    if driver is None or driver.cuDeviceGetCount(ctypes.byref(count)):
        return ()
    return tuple(_gpu(driver, index) for index in range(count.value))


@cache
def driver_cuda() -> tuple[int, int] | None:
    """The newest CUDA version that the driver serves; None where there is no driver."""
    driver, number = _driver(), ctypes.c_int()
    if driver is None or driver.cuDriverGetVersion(ctypes.byref(number)):
        return None
    return number.value // 1000, number.value % 1000 // 10


@cache
def _driver() -> Any | None:
    """The driver's library, ready for questions; its functions return 0 if they succeed."""
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError:
        return None
    return None if driver.cuInit(0) else driver


def _gpu(driver: Any, index: int) -> Gpu:
    device, name, size = ctypes.c_int(), ctypes.create_string_buffer(_NAME_BYTES), ctypes.c_size_t()
    driver.cuDeviceGet(ctypes.byref(device), index)
    driver.cuDeviceGetName(name, _NAME_BYTES, device)
    driver.cuDeviceTotalMem_v2(ctypes.byref(size), device)
    return Gpu(name.value.decode(errors="replace"), size.value)
