"""Merges all results of a batch into one file, shard by shard."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from segcli.data.files import atomic_path
from segcli.errors import MissingPartError, UsageError
from segcli.steps.batch.job import MASKS_SUFFIX, ROWS_SUFFIX, SHARDS, Job, Masks, part

Merge = Callable[[Job, Path], None]


def merge_kind(target: Path, folder: Path, masks: Masks) -> Merge:
    """Returns the function that writes the merged file.

    Raises:
        UsageError: The suffix of the file is unknown or does not suit these results, or the file would lie among the
            shards of the batch.
        MissingPartError: A package for this kind of file is not installed.
    """
    kind = MERGES.get(target.suffix.lower())
    if kind is None:
        raise UsageError(f"{target.name} is of an unknown kind", hint=f"name a file {', '.join(MERGES)}")
    if target.suffix.lower() == ROWS_SUFFIX and folder.resolve() in target.resolve().parents:
        raise UsageError(
            "would lie below the folder of the batch, whose only .jsonl are its shards",
            path=target,
            hint="name a file elsewhere, or a .json",
        )
    if target.suffix.lower() == MASKS_SUFFIX and masks != "png":
        raise UsageError("the masks of this batch are not images", path=target, hint="start a batch with --masks png")
    if target.suffix.lower() == ".parquet":
        _parquet()
    return kind


def merge(job: Job, target: Path) -> Path:
    """Writes all results of a finished batch into one file, atomically."""
    write = merge_kind(target, job.folder, job.masks)
    with atomic_path(target) as temporary:
        write(job, temporary)
    return target


def rows_in(job: Job) -> Iterator[dict[str, Any]]:
    """Yields all rows, in the order of the manifest."""
    for shard in range(job.shards):
        yield from _rows_of(job, shard)


def _rows_of(job: Job, shard: int) -> Iterator[dict[str, Any]]:
    with job.results.open(part(SHARDS, shard, ROWS_SUFFIX)) as lines:
        yield from map(json.loads, lines)


def _to_lines(job: Job, target: Path) -> None:
    with target.open("wb") as file:
        for shard in range(job.shards):
            with job.results.open(part(SHARDS, shard, ROWS_SUFFIX)) as rows:
                shutil.copyfileobj(rows, file)


def _to_coco(job: Job, target: Path) -> None:
    """Writes a COCO dataset file: images numbered from 1, annotations with scores, the categories that occur."""
    categories: dict[int, str] = {}
    images = target.with_suffix(".images")
    try:
        with target.open("w", encoding="utf-8") as file, images.open("w", encoding="utf-8") as kept:
            file.write('{"annotations": [')
            number = 0
            for image_id, row in enumerate(rows_in(job), start=1):
                kept.write(("," if image_id > 1 else "") + "\n" + json.dumps(_image(image_id, row)))
                for one in row.get("annotations", ()):
                    categories.setdefault(one["category_id"], one["category_name"])
                    number += 1
                    values = {"id": number, "image_id": image_id, **one, "iscrowd": 0}
                    file.write(("," if number > 1 else "") + "\n" + json.dumps(values))
            named = [{"id": category, "name": name} for category, name in sorted(categories.items())]
            file.write(f'\n],\n"categories": {json.dumps(named)},\n"images": [')
            kept.close()
            with images.open(encoding="utf-8") as lines:
                file.writelines(lines)
            file.write("\n]}\n")
    finally:
        images.unlink(missing_ok=True)


def _image(image_id: int, row: dict[str, Any]) -> dict[str, Any]:
    height, width = row.get("size", (None, None))
    fault = {"error": row["error"]} if "error" in row else {}
    return {"id": image_id, "file_name": row["input_path"], "height": height, "width": width, **fault}


def _to_tar(job: Job, target: Path) -> None:
    with tarfile.open(target, "w") as tar:
        for shard in range(job.shards):
            with (
                job.results.open(part(SHARDS, shard, MASKS_SUFFIX)) as file,
                tarfile.open(fileobj=file) as members,
            ):
                for member in members:
                    member.name = f"{shard:06d}/{member.name}"
                    tar.addfile(member, members.extractfile(member))


def _to_parquet(job: Job, target: Path) -> None:
    """Writes one row per image; annotations are JSON, because their fields differ between tasks."""
    arrow, parquet = _parquet()
    names = ("input_path", "height", "width", "annotations", "error")
    kinds = (arrow.string(), arrow.int32(), arrow.int32(), arrow.string(), arrow.string())
    schema = arrow.schema(list(zip(names, kinds, strict=True)))
    with parquet.ParquetWriter(target, schema) as writer:
        for shard in range(job.shards):
            rows = [_flat(row) for row in _rows_of(job, shard)]
            writer.write_table(arrow.Table.from_pylist(rows, schema=schema))


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    height, width = row.get("size", (None, None))
    found = json.dumps(row["annotations"]) if "annotations" in row else None
    path = row["input_path"].encode("utf-8", "backslashreplace").decode()
    return {"input_path": path, "height": height, "width": width, "annotations": found, "error": row.get("error")}


def _parquet() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as fault:
        raise MissingPartError("pyarrow is not installed", hint="pip install pyarrow, or merge into .json") from fault
    return pyarrow, pyarrow.parquet


MERGES: dict[str, Merge] = {
    ROWS_SUFFIX: _to_lines,
    ".json": _to_coco,
    MASKS_SUFFIX: _to_tar,
    ".parquet": _to_parquet,
}
"""Function that writes a merged file, by suffix."""
