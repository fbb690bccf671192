"""Frames of videos, cameras and network streams, one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from segcli.data.budget import size_fault
from segcli.data.decoding.decoders import TOO_LARGE_HINT
from segcli.data.files import require_regular
from segcli.data.image import RgbImage
from segcli.errors import InputError
from segcli.text import without_password

VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mov", ".mkv", ".webm"})
_CAMERA = re.compile(r"camera:(\d+)", re.IGNORECASE)
_STREAM = re.compile(r"(rtsp|rtsps|rtmp|udp|srt)://", re.IGNORECASE)
_USUAL_RATE = 25.0
"""Frames per second where a source does not tell."""


@dataclass(frozen=True)
class Frame:
    """One frame.

    Attributes:
        index: Its number in the source, from 0.
        rgb: RGB.
        rate: Frames per second of those that are taken.
    """

    index: int
    rgb: RgbImage
    rate: float


def is_stream(text: str) -> bool:
    """Whether a text names a camera (``camera:0``) or a stream (``rtsp://``, ``rtmp://``, ``udp://``, ``srt://``)."""
    return _CAMERA.fullmatch(text) is not None or _STREAM.match(text) is not None


def read_frames(source: str, step: int = 1) -> Iterator[Frame]:
    """The frames of a video file, a camera or a stream, until it ends.

    Args:
        source: A file, or what `is_stream` takes.
        step: Every so many frames one is taken; the others are not decoded.

    Raises:
        InputError: It cannot be opened, or holds no frame.
    """
    camera = _CAMERA.fullmatch(source)
    if not is_stream(source):
        try:
            require_regular(source)
        except OSError as fault:
            raise InputError(f"cannot be read: {fault.strerror or fault}", path=source) from fault
        if not _is_text(source):
            raise InputError(
                "its name holds bytes that are no text, on which OpenCV's reader of videos crashes",
                path=source,
                hint="rename it",
            )
    capture = cv2.VideoCapture(int(camera[1]) if camera else source)
    try:
        told = float(capture.get(cv2.CAP_PROP_FPS))
        rate = (told if np.isfinite(told) and 0 < told <= 1000 else _USUAL_RATE) / step
        _require_size(capture, source)
        index = 0
        while capture.grab():
            if index % step == 0:
                there, frame = capture.retrieve()
                if not there:
                    break
                yield Frame(index, np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8), rate)
            index += 1
        if index == 0:
            raise InputError("gives no frame", path=without_password(source), hint=_advice(source))
    finally:
        capture.release()


def _is_text(path: str) -> bool:
    """Whether a path is UTF-8; Python keeps other bytes as halves of characters."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _require_size(capture: cv2.VideoCapture, source: str) -> None:
    size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    fault = size_fault(size)
    if fault is not None:
        raise InputError(f"its frames: {fault}", path=without_password(source), hint=TOO_LARGE_HINT)


def _advice(source: str) -> str:
    if _CAMERA.fullmatch(source):
        return "check that the camera is connected and not in use; the first is camera:0"
    if is_stream(source):
        return "check the URL and the network"
    return "the file is damaged, or of a kind that OpenCV cannot decode"
