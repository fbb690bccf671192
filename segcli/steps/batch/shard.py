"""Processes one shard: runs the model on its images and writes the result atomically."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from segcli.data.decoding.image_range import ImageRange
from segcli.data.image import decode_input
from segcli.data.prefetch import batched, map_ahead
from segcli.data.sources import SourceItem
from segcli.errors import InputError
from segcli.steps.batch.job import FAULTS, MASKS_SUFFIX, ROWS_SUFFIX, SHARDS, Job, part
from segcli.steps.batch.leases import Lease
from segcli.steps.batch.manifest import ManifestRow
from segcli.steps.batch.rows import Row, fault_row, mask_png, row_of
from segcli.steps.batch.storage import read_bytes
from segcli.steps.predict.attempts import Attempts
from segcli.steps.predict.image_result import ImageResult

if TYPE_CHECKING:
    from segcli.steps.predict.model import Model

_READERS = 2
_FATAL = 2
"""Number of workers that must die at an image before it is left out."""


def run_shard(job: Job, lease: Lease, model: Model) -> None:
    """Writes the result of a shard; the rows come last and mark it finished.

    A shard at which a worker died is processed image by image, each recorded before it is opened: an image at which two
    workers died is reported as failed, like an unreadable one.

    Raises:
        SegcliError: The model fails on every image, so the images are not the cause.
    """
    rows = job.manifest.rows(lease.shard)
    with ExitStack() as stack:
        out = _Output(job, lease, stack)
        for path, name, found in _answers(job, lease, model, rows):
            out.add(path, name, found)
    out.publish()


def _answers(
    job: Job, lease: Lease, model: Model, rows: list[ManifestRow]
) -> Iterator[tuple[str, str, ImageResult | str]]:
    """Path, name and result of each image, in order; the reason where there is no result."""
    attempts = Attempts[ImageResult](lambda items: model.predict_items(items, job.predict))
    fatal = {number for number, deaths in lease.fatal_rows.items() if deaths >= _FATAL}
    careful = lease.generation > 1
    read = partial(_read, image_range=model.predictor.model.preprocess.reads_by)
    numbered = [(number, row) for number, row in enumerate(rows)]
    if careful:
        for number, row in numbered:
            lease.note_row(number)
            if number in fatal:
                yield row.shown, _name(number, row), "workers died while processing this image"
                continue
            yield from _named([(number, row)], _tried(attempts, [read(row)]))
    else:
        size = job.predict.batch_size
        items = map_ahead(lambda one: (one, read(one[1])), numbered, workers=_READERS, ahead=2 * size + _READERS)
        for batch in batched(items, size):
            yield from _named([one for one, _ in batch], _tried(attempts, [item for _, item in batch]))
    attempts.require_any()


def _named(
    rows: list[tuple[int, ManifestRow]], found: Iterable[ImageResult | str]
) -> Iterator[tuple[str, str, ImageResult | str]]:
    for (number, row), one in zip(rows, found, strict=True):
        yield row.shown, _name(number, row), one


def _name(number: int, row: ManifestRow) -> str:
    return f"{number:06d}_{PurePosixPath(row.shown).stem[:80]}.png"


def _read(row: ManifestRow, image_range: ImageRange) -> SourceItem:
    name = Path(PurePosixPath(row.shown).stem or "image")
    try:
        data = read_bytes(row.path)
        if row.digest and hashlib.sha256(data).hexdigest() != row.digest:
            raise InputError("has changed since the manifest was written", path=row.shown)
        return SourceItem(row.shown, None, name, decode_input(data, image_range, name=row.shown))
    except InputError as fault:
        return SourceItem(row.shown, None, name, None, fault)
    except MemoryError:
        return SourceItem(row.shown, None, name, None, InputError("there is not enough memory for it", path=row.shown))


def _tried(attempts: Attempts[ImageResult], items: Sequence[SourceItem]) -> list[ImageResult | str]:
    """The result of each item, or the reason why it has none."""
    found = iter(attempts([item for item in items if item.fault is None]))
    answers = [next(found) if item.fault is None else item.fault for item in items]
    return [answer.message if isinstance(answer, InputError) else answer for answer in answers]


class _Output:
    """The temporary files of a shard."""

    def __init__(self, job: Job, lease: Lease, stack: ExitStack) -> None:
        self._job, self._shard = job, lease.shard
        self._rows_file, self._tar_file = lease.scratch("rows"), lease.scratch("masks")
        self._rows: IO[str] = stack.enter_context(self._rows_file.open("w", encoding="utf-8"))
        self._tar: tarfile.TarFile | None = None
        if job.masks == "png":
            self._tar = stack.enter_context(tarfile.TarFile(self._tar_file, "w"))
        self._faults: list[tuple[str, str]] = []

    def add(self, path: str, name: str, found: ImageResult | str) -> None:
        """Adds an image: its result, or the reason why it has none."""
        if isinstance(found, str):
            message = " ".join(found.split())
            self._faults.append((path, message))
            row = fault_row(path, message)
        else:
            row = self._row(path, name, found)
        self._rows.write(json.dumps(row) + "\n")

    def _row(self, path: str, name: str, found: ImageResult) -> Row:
        row = row_of(found, with_codes=self._tar is None)
        if self._tar is None:
            return row
        data = mask_png(found)
        member = tarfile.TarInfo(name)
        member.size = len(data)
        self._tar.addfile(member, io.BytesIO(data))
        return {**row, "mask": {"file": f"{self._shard:06d}{MASKS_SUFFIX}", "member": name}}

    def publish(self) -> None:
        """Moves the finished files to the results, the rows last."""
        results = self._job.results
        if self._faults:
            text = io.StringIO(newline="")
            csv.writer(text, lineterminator="\n").writerows([("input_path", "error"), *self._faults])
            faults = self._rows_file.with_suffix(".faults")
            faults.write_text(text.getvalue(), encoding="utf-8", errors="backslashreplace")
            results.put(faults, part(FAULTS, self._shard, ".csv"))
        if self._tar is not None:
            results.put(self._tar_file, part(SHARDS, self._shard, MASKS_SUFFIX))
        results.put(self._rows_file, part(SHARDS, self._shard, ROWS_SUFFIX))
