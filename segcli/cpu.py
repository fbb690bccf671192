"""Sets Paddle up for the CPU: kernels for its processor, and memory that is reused."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path

ALLOCATOR = "SEGCLI_ALLOCATOR"
"""Set it to ``system`` to leave the C library's allocator as it is."""

CONVOLUTIONS = "SEGCLI_CONVOLUTIONS"
"""Set it to ``paddle`` to train and evaluate with Paddle's own convolutions where oneDNN's are there."""

_MKL_PROCESSOR = "MKL_DEBUG_CPU_TYPE"
_MKL_AVX2 = "5"
_CPU_INFO = Path("/proc/cpuinfo")

_VIEWS = "FLAGS_use_stride_kernel"

_WANTS_PADDLES = ContextVar("_WANTS_PADDLES", default=False)

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
"""Numbers of glibc's settings in `malloc.h`."""
_MALLOC_SETTINGS = ((_MMAP_THRESHOLD, 1 << 30), (_TRIM_THRESHOLD, (1 << 31) - 1), (_TOP_PAD, 1 << 26))
_MALLOC_VARIABLES = ("GLIBC_TUNABLES", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_")


def prepare_cpu() -> None:
    """Sets both up for this process; called before Paddle computes on the CPU."""
    use_fast_kernels()
    reuse_memory()


def use_fast_kernels() -> None:
    """Lets Paddle's products of matrices use AVX2 on processors that are not Intel's; before the first product.

    The MKL in Paddle (2019.0.5) takes its oldest kernels there unless it is told what the processor can do. A product
    then takes 2.6 times as long, a convolution 2.4 times. A value that the user has set stays.
    """
    if _MKL_PROCESSOR not in os.environ and not is_of_intel() and {"avx2", "fma"} <= set(first_processor().split()):
        os.environ[_MKL_PROCESSOR] = _MKL_AVX2


def processor_name() -> str:
    """The model of the first processor, in its maker's words; what Python knows of it where Linux tells none."""
    lines = (line.partition(":") for line in first_processor().splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == "model name"), "") or (
        f"{platform.machine()} {platform.processor()}".strip()
    )


@cache
def processor_kind() -> str:
    """What the speed of a network and its best layout in memory depend on: the model and its instructions.

    Virtual machines give different processors the same name, so a digest of the instructions is part of it.
    """
    listed = ("flags", "Features", "CPU part")
    told = [line for line in first_processor().splitlines() if line.startswith(listed)]
    return f"{processor_name()} ({hashlib.sha256(' '.join(told).encode()).hexdigest()[:8]})"


def is_of_intel() -> bool:
    """Whether the processor is one of Intel's, as far as Linux tells."""
    return "GenuineIntel" in first_processor().split()


def first_processor() -> str:
    """What Linux says of the first processor, a line per property; empty where there is nothing to read."""
    try:
        with _CPU_INFO.open(encoding="utf-8") as lines:  # Linux asks each processor whose lines are read
            return "".join(takewhile(str.strip, lines))
    except OSError:
        return ""


@cache
def reuse_memory() -> bool:
    """Lets glibc keep the memory of freed tensors for the next ones, instead of giving it back to the system each time.

    Large tensors are otherwise mapped, zeroed page by page and unmapped in every step, a fifth of a training's CPU
    time, and so are the images and files of a check, also a fifth. The numbers that are computed stay the same; a
    process stays as large as it once was. Settings of the user (`ALLOCATOR`, or glibc's own variables) stay.

    Returns:
        Whether it is so now.
    """
    if not can_reuse_memory():
        return False
    allocator = ctypes.CDLL(None)
    # older versions refuse a threshold above 32 MiB
    return all(
        allocator.mallopt(number, value) or allocator.mallopt(number, 1 << 25) for number, value in _MALLOC_SETTINGS
    )


def find_onednn() -> Path | None:
    """The library of oneDNN, version 3, by which networks compute convolutions; Paddle's wheels for Linux bring it.

    Returns:
        None where there is none, or the user wants none (`CONVOLUTIONS`).
    """
    paddle = find_spec("paddle")
    if paddle is None or paddle.origin is None or os.environ.get(CONVOLUTIONS) == "paddle":
        return None
    file = Path(paddle.origin).parent / "libs/libdnnl.so.3"
    # with the vectors of older processors it is slower than Paddle
    return file if file.is_file() and "avx2" in first_processor().split() else None


@contextmanager
def paddles_own_convolutions() -> Iterator[None]:
    """Inside the block, networks compute with Paddle's own convolutions; in this thread, and for passes forward.

    What an export is proven against is computed so: by the operators that the written files name, not by those that
    stand in for them.
    """
    before = _WANTS_PADDLES.set(True)
    try:
        yield
    finally:
        _WANTS_PADDLES.reset(before)


def wants_paddles_convolutions() -> bool:
    """Whether this is inside of `paddles_own_convolutions`."""
    return _WANTS_PADDLES.get()


@contextmanager
def without_views(wanted: bool = True) -> Iterator[None]:
    """Inside the block Paddle copies at once what is transposed or sliced, where it computes on the CPU.

    Otherwise the result is a view, which the next operator copies value by value, 10 to 20 times as slowly; so is the
    gradient. The numbers stay the same. Paddle ends with an error at a view from outside the block, so all of a
    training is in one: its network, its batches and its evaluations.

    Args:
        wanted: False leaves Paddle as it is.
    """
    import paddle

    before = paddle.get_flags([_VIEWS])
    if wanted and paddle.get_device() == "cpu":
        paddle.set_flags({_VIEWS: False})
    try:
        yield
    finally:
        paddle.set_flags(before)


def can_reuse_memory() -> bool:
    """Whether the C library is glibc and the user has not set its allocator."""
    is_glibc = sys.platform == "linux" and platform.libc_ver()[0] == "glibc"
    is_set = os.environ.get(ALLOCATOR) == "system" or any(name in os.environ for name in _MALLOC_VARIABLES)
    return is_glibc and not is_set
