"""The files that a check writes beside its result file: histogram, drawn samples and the HTML report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.classes import ClassMap
from segcli.data.files import fitting_name, write_bytes_atomic
from segcli.data.id_counts import count_ids
from segcli.data.image import read_image, read_mask
from segcli.data.samples import SegSample, Split
from segcli.errors import InputError
from segcli.progress import track
from segcli.report.overlay import overlay, with_legend
from segcli.steps.check.histogram import draw_histogram
from segcli.steps.check.html import Thumbnail, write_check_report
from segcli.steps.check.places import Places
from segcli.steps.check.result import CheckResult

FOLDER = "check_dataset"
DEMO_FOLDER = "demo_img"
LARGEST_PX = 960
SMALLEST_PX = 320
JPEG_QUALITY = 88


@dataclass(frozen=True)
class Drawing:
    """A sample to draw: the stem of its file name, and the function that draws it: RGB, uint8 [H, W, 3]."""

    name: str
    draw: Callable[[], NDArray[np.uint8]]


def write_check_files(
    result: CheckResult, drawings: Mapping[Split, Sequence[Drawing]], places: Places, output: Path
) -> CheckResult:
    """Writes `check_dataset/histogram.png`, `check_dataset/demo_img/` and `check_dataset/report.html`.

    Args:
        result: Result of the check.
        drawings: Samples to draw, by split.
        places: Places of findings for the report.
        output: Output folder of the run.

    Returns:
        The result with the paths of the files, relative to `output`.
    """
    folder = output / FOLDER
    draw_histogram(result.class_counts, result.image_counts, folder / "histogram.png")
    paths = _draw_samples(drawings, folder / DEMO_FOLDER)
    result = replace(
        result,
        histogram=f"{FOLDER}/histogram.png",
        report=f"{FOLDER}/report.html",
        sample_paths={
            split: tuple(f"{FOLDER}/{DEMO_FOLDER}/{name}" for name in names) for split, names in paths.items()
        },
    )
    write_check_report(result, output, _thumbnails(result, places), folder / "report.html")
    return result


def _thumbnails(result: CheckResult, places: Places) -> dict[str, list[Thumbnail]]:
    """The drawn places by rule; those whose files cannot be decoded are skipped."""
    drawn: dict[str, list[Thumbnail]] = {}
    for place in places.of(result.findings):
        try:
            pixels = place.draw(result.classes)
        except (InputError, cv2.error, MemoryError):
            continue
        drawn.setdefault(place.found.code, []).append(Thumbnail(place.found, _as_jpeg(pixels)))
    return drawn


def _as_jpeg(rgb: NDArray[np.uint8]) -> bytes:
    _, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return data.tobytes()


def drawing_scale(height: int, width: int) -> float:
    """Factor that scales an image to a readable size; a whole number if it enlarges."""
    side = max(height, width)
    return min(1.0, LARGEST_PX / side) if side > SMALLEST_PX else -(-SMALLEST_PX // side)


def draw_sample(sample: SegSample, classes: ClassMap) -> NDArray[np.uint8]:
    """Draws a sample with its mask over it and a legend, at a readable size: RGB, uint8 [H, W, 3]."""
    image, ids = read_image(sample.image), read_mask(sample.mask)
    scale = drawing_scale(*ids.shape)
    if scale != 1:
        size = (max(1, round(ids.shape[1] * scale)), max(1, round(ids.shape[0] * scale)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST))
        ids = np.asarray(cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST))
    return with_legend(overlay(image, ids, classes), classes, (int(value) for value in np.flatnonzero(count_ids(ids))))


def _draw_samples(drawings: Mapping[Split, Sequence[Drawing]], folder: Path) -> dict[Split, list[str]]:
    """Draws the samples; drawings of an earlier check are removed first, as another check may do at the same time."""
    for old in folder.glob("*.jpg"):
        old.unlink(missing_ok=True)
    names: dict[Split, list[str]] = {split: [] for split in Split}
    jobs = [(split, drawing) for split in Split for drawing in drawings.get(split, ())]
    for split, drawing in track(jobs, "drawing", len(jobs)):
        name = f"{fitting_name(f'{split.value}_{drawing.name}')}.jpg"
        write_bytes_atomic(folder / name, _as_jpeg(drawing.draw()))
        names[split].append(name)
    return names
