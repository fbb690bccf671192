"""Threads of OpenCV, which has a pool of its own beside those that decode images here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import cv2

_before: list[int] = []
_lock = Lock()


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """OpenCV computes in the calling thread inside the block, and as before when the last of several blocks has ended.

    For many small images, each of which is handled in one thread: those of OpenCV's pool wait actively for the next
    call, which took an eighth of the CPU time of a check of small images.
    """
    with _lock:
        _before.append(cv2.getNumThreads())
        cv2.setNumThreads(1)
    try:
        yield
    finally:
        with _lock:
            first = _before[0]
            _before.pop()
            if not _before:
                cv2.setNumThreads(first)
