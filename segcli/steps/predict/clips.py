"""Results of videos and streams: an annotated video, and JSON lines, one per frame."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.json_writer import to_json
from segcli.data.sources import Clip
from segcli.errors import InputError
from segcli.steps.predict.image_result import ImageResult
from segcli.steps.predict.result import Predicted

log = logging.getLogger("segcli.predict")

_CODECS = ((".mp4", "mp4v"), (".avi", "MJPG"))
"""Containers and codecs of OpenCV; the first one that can be written is used."""


class AnnotatedFrame(NamedTuple):
    """One frame with its annotations drawn and its result as JSON.

    Attributes:
        source: File or stream.
        clip: The video that the frame belongs to.
        rgb: The frame with the result drawn over it, RGB, uint8 [H, W, 3].
        line: The result as one line of JSON.
        found: Amount per class, by name.
        unit: What `found` counts.
    """

    source: str
    clip: Clip
    rgb: NDArray[np.uint8]
    line: str
    found: dict[str, int]
    unit: str

    @classmethod
    def of(cls, result: ImageResult, clip: Clip) -> AnnotatedFrame:
        """Draws the result of a frame."""
        line = to_json(result.compact, ensure_ascii=False)
        return cls(result["input_path"], clip, result.annotated(), line, result.found, result.unit)


class Clips:
    """Writes the frames of any number of videos below a folder.

    When a run is stopped, the frames so far are kept: a camera stream has no other end.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[Path, _ClipWriter] = {}

    def __enter__(self) -> Clips:
        return self

    def __exit__(self, kind: type[BaseException] | None, _fault: object, _trace: TracebackType | None) -> None:
        for writer in self._writers.values():
            writer.close()
            if kind is not None:
                log.info("%d frames are kept in %s", writer.frames, writer.video)

    def add(self, frame: AnnotatedFrame) -> None:
        """Appends a frame to its video."""
        writer = self._writers.get(frame.clip.name)
        if writer is None:
            writer = self._writers[frame.clip.name] = _ClipWriter(self._folder / frame.clip.name, frame)
        writer.add(frame)

    @property
    def predicted(self) -> list[Predicted]:
        """Results of the videos that were written."""
        return [writer.predicted for writer in self._writers.values()]


class _ClipWriter:
    """A video and its JSON lines, in temporary files until complete."""

    def __init__(self, stem: Path, first: AnnotatedFrame) -> None:
        stem.parent.mkdir(parents=True, exist_ok=True)
        self._source, self._size, self._unit = first.source, first.rgb.shape[:2], first.unit
        self._video, self.video, self._part = _open_video(stem, first)
        self._lines = stem.with_name(f"{stem.name}_res.jsonl")
        self._file = _part_of(self._lines).open("w", encoding="utf-8", errors="backslashreplace")
        self.frames = 0
        self._found: Counter[str] = Counter()

    def add(self, frame: AnnotatedFrame) -> None:
        rgb = frame.rgb
        if rgb.shape[:2] != self._size:
            rgb = np.asarray(cv2.resize(rgb, self._size[::-1]), np.uint8)
        self._video.write(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        self._file.write(f"{frame.line}\n")
        self._found.update(frame.found)
        self.frames += 1

    def close(self) -> None:
        self._video.release()
        self._file.close()
        self._part.replace(self.video)
        _part_of(self._lines).replace(self._lines)

    @property
    def predicted(self) -> Predicted:
        files = {"video": self.video.as_posix(), "jsonl": self._lines.as_posix()}
        height, width = self._size
        return Predicted(self._source, None, (height, width), files, dict(self._found), self._unit, self.frames)


def _open_video(stem: Path, first: AnnotatedFrame) -> tuple[cv2.VideoWriter, Path, Path]:
    """Opens a writer; returns it with the final and the temporary path."""
    height, width = first.rgb.shape[:2]
    for suffix, codec in _CODECS:
        target = stem.with_name(f"{stem.name}_res{suffix}")
        part = _part_of(target)
        writer = cv2.VideoWriter(str(part), cv2.VideoWriter.fourcc(*codec), first.clip.rate, (width, height))
        if writer.isOpened():
            return writer, target, part
        part.unlink(missing_ok=True)
    raise InputError(
        "OpenCV cannot write a video here", path=stem, hint="give the frames as images: a folder of JPEG files"
    )


def _part_of(target: Path) -> Path:
    return target.with_name(f".{target.stem}.part{target.suffix}")
