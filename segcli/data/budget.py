"""How large an image may be before it is decoded: a file of 69 bytes can claim 40,000 x 40,000 pixels in its header."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path

from segcli.environment import restored

OPENCV_PIXELS = 1 << 30
"""The most that OpenCV decodes and resizes."""
BYTES_PER_PIXEL = 8
"""What an image of 8 bits takes while it is decoded: three bytes of colour, a copy, and the decoder's own."""
SHARE = 0.5
"""Of the memory; the rest is for the network, the other threads and the other programs."""
SETTING = "SEGCLI_MAX_PIXELS"
"""Environment variable of the limit, so that worker processes have the same; set by `limits.max_pixels`."""

_MEMORY_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def max_pixels(bytes_per_pixel: int = BYTES_PER_PIXEL) -> int:
    """Most pixels of an image that is decoded whole, if each takes so many bytes meanwhile."""
    return given_max_pixels() or _by_memory(_memory_at_start(), bytes_per_pixel)


@cache
def given_max_pixels() -> int | None:
    """The limit of `limits.max_pixels`; None where there is none. Read once, as many small files ask for it."""
    given = os.environ.get(SETTING, "")
    return min(int(given), OPENCV_PIXELS) if given.isdigit() and int(given) else None


def set_max_pixels(pixels: int | None) -> None:
    """Sets the limit of this process and of those that it starts; None leaves it as it is."""
    if pixels is not None:
        os.environ[SETTING] = str(pixels)
        given_max_pixels.cache_clear()


@contextmanager
def limited_pixels(pixels: int | None) -> Iterator[None]:
    """`set_max_pixels` inside the block, so that the limit of one mode is not that of the next in the same program."""
    with restored(SETTING, given_max_pixels.cache_clear):
        set_max_pixels(pixels)
        yield


def size_fault(size: tuple[int, int], bytes_per_pixel: int = BYTES_PER_PIXEL) -> str | None:
    """Why an image of that width and height in pixels is not decoded; None when it may be."""
    width, height = size
    limit = max_pixels(bytes_per_pixel)
    if width * height <= limit:
        return None
    why = "what OpenCV decodes" if limit == OPENCV_PIXELS else "limits.max_pixels, or what the memory allows"
    return f"states {width} x {height} px, more than {limit:,} px ({why})"


@cache
def _by_memory(memory: int, bytes_per_pixel: int) -> int:
    return max(1, min(OPENCV_PIXELS, int(memory * SHARE) // bytes_per_pixel))


@lru_cache(maxsize=1)
def _memory_at_start() -> int:
    return memory_bytes()


def memory_bytes() -> int:
    """The least of the machine's memory, the control group's limit, and what is left of the address space."""
    limits = [_machine_bytes()]
    for name in _MEMORY_FILES:
        try:
            text = Path(name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdigit():
            limits.append(int(text))
    space = _address_space()
    return min([*limits, space] if space is not None else limits)


def _machine_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not on Windows
        return 8 << 30


def _address_space() -> int | None:
    """Bytes that RLIMIT_AS still allows; None without such a limit."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    try:
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        used = 0
    return max(0, limit - used)


def peak_memory_mb() -> float | None:
    """Most memory that this process has had, in MB; None where the system does not say."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
