"""OpenCV computes in the thread that calls it, where several threads look at one file each.

It shares out what it does with an image among threads of its own, from 2^16 pixels and sometimes below. These then wait
actively for more, which takes up to 0.5 ms: longer than to count the ids of a mask or to turn an image into grey.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import cv2

_inside: list[int] = []
_lock = Lock()


@contextmanager
def without_opencv_threads() -> Iterator[None]:
    """OpenCV has no threads of its own inside the block, and as many as before when the last of several has left it.

    The number is that of the process: in a program that uses segcli, its other threads do without meanwhile, too.
    """
    with _lock:
        _inside.append(cv2.getNumThreads())
        cv2.setNumThreads(1)
    try:
        yield
    finally:
        with _lock:
            last = _inside.pop()
            if not _inside:
                cv2.setNumThreads(last)
