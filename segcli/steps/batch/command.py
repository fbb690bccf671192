"""`batch`: runs a model on any number of images and machines; the same command starts and resumes it."""

from __future__ import annotations

import csv
import hashlib
import logging
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from signal import SIGINT
from typing import Any

from segcli.config.schema import PredictConfig
from segcli.data.files import atomic_path
from segcli.data.image import StrPath
from segcli.data.lock import locked
from segcli.errors import UsageError
from segcli.inference.exported_model import ExportedModel
from segcli.models.table import get_spec
from segcli.plurals import counted
from segcli.progress import track, working
from segcli.signals import Stopped, name_of
from segcli.steps.batch.executors.protocol import Pool
from segcli.steps.batch.executors.table import executor
from segcli.steps.batch.job import FAULTS, FILE, SHARDS, Job, Masks, model_digest, part
from segcli.steps.batch.manifest import FILE as MANIFEST
from segcli.steps.batch.manifest import INDEX, write_manifest
from segcli.steps.batch.merge import merge, merge_kind
from segcli.steps.batch.sources import Source, rows_of
from segcli.steps.batch.storage import is_remote
from segcli.weights.cache import cache_folder
from segcli.weights.guest_home import exported_in

log = logging.getLogger("segcli.batch")

DESCRIPTION = (MANIFEST, INDEX, FILE)
"""Files that describe a batch; that of the job comes last."""


@dataclass(frozen=True)
class BatchRequest:
    """The arguments of the command.

    Attributes:
        source: A folder, a table or list of images, or the URL of a folder.
        out: Folder for all output, or the URL of one.
        model_dir: Folder of an exported model.
        settings: Settings of the prediction.
        device: Device that it runs on.
        masks: Format of the masks.
        shard_size: Images per shard, where the source names none.
        executor: Name of the executor that runs the workers.
        workers: Number of workers.
        lease_s: Seconds without a heartbeat after which a worker on another machine counts as dead.
        digests: Whether to read each image once for its digest before the batch starts.
        merge: File to merge all results into; None for no merged file.
    """

    source: str
    out: StrPath
    model_dir: str
    settings: PredictConfig = field(default_factory=PredictConfig)
    device: str = "auto"
    masks: Masks = "coco"
    shard_size: int = 500
    executor: str = "local"
    workers: int = 1
    lease_s: float = 60.0
    digests: bool = True
    merge: Path | None = None


@dataclass(frozen=True)
class BatchResult:
    """The progress of a batch.

    Attributes:
        job: The batch.
        done: Number of finished shards.
        done_before: Number of shards that were finished before this run.
        failed: Number of images without a result, in all finished shards.
        seconds: Time of this run.
        merged: The file with all results; None if it was not written.
    """

    job: Job
    done: int
    done_before: int
    failed: int
    seconds: float
    merged: Path | None = None

    @property
    def complete(self) -> bool:
        """Whether every image has a result."""
        return self.done == self.job.shards and not self.failed

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "model_name": self.job.title or self.job.model_name,
            "model_dir": self.job.model_dir,
            "source": self.job.source,
            "save_path": self.job.results.place,
            "images": self.job.images,
            "shards": self.job.shards,
            "shards_done": self.done,
            "shards_done_before": self.done_before,
            "failed": self.failed,
            "seconds": round(self.seconds, 3),
            "merged": None if self.merged is None else str(self.merged),
        }

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        rows = [
            ("model", self.job.title or self.job.model_name),
            ("images", str(self.job.images)),
            ("shards", f"{self.done} of {self.job.shards} done, {self.done - self.done_before} of them now"),
            ("results", f"{self.job.results.place}/{SHARDS}"),
        ]
        if self.failed:
            rows.append(("failed", f"{self.failed} images, listed in {self.job.results.place}/{FAULTS}"))
        if self.merged is not None:
            rows.append(("merged", str(self.merged)))
        return rows


def batch(request: BatchRequest) -> BatchResult:
    """Runs a model on every image of a source, or resumes an earlier run.

    The manifest is written once; then workers process every shard without a result. The result of a shard is written
    atomically, so that a shard with a result file is finished.

    Raises:
        UsageError: The folder holds a batch of other images, another model or other settings.
        InputError: There are no images.
        SegcliError: The workers failed.
        Stopped: A signal ended it; finished shards are kept.
    """
    begin = time.perf_counter()
    _, module = executor(request.executor)
    if request.merge is not None:
        merge_kind(request.merge, state_folder(request.out), request.masks)
    job = opened(request)
    before = len(job.done())
    if before < job.shards:
        try:
            with module.started(job, min(request.workers, job.shards - before)) as pool:
                for _ in track(_finished(job, pool, before), "batch", job.shards - before):
                    pass
        except KeyboardInterrupt as stop:
            raise _stopped(job, before, stop) from None
    done = len(job.done())
    merged = None
    if request.merge is not None and done == job.shards:
        merged = merge(job, request.merge)
    elif request.merge is not None:
        log.warning("%s is not written: %d shards are unfinished", request.merge, job.shards - done)
    return BatchResult(job, done, before, count_faults(job), time.perf_counter() - begin, merged)


def _stopped(job: Job, before: int, stop: KeyboardInterrupt) -> Stopped:
    """The exception for a batch ended by a signal: what is finished, and how to go on."""
    number, done = stop.number if isinstance(stop, Stopped) else SIGINT, len(job.done())
    who = f"stopped by {name_of(number)} after {done} of {counted(job.shards, 'shard')}"
    details = {"save_path": job.results.place, "shards": job.shards, "shards_done": done, "shards_done_before": before}
    return Stopped(number, who, hint="the same command goes on from there", details=details)


def opened(request: BatchRequest) -> Job:
    """The job of a request: the one in its folder, or a new one with its manifest.

    Raises:
        UsageError: The folder holds another batch.
        InputError: There are no images.
    """
    wanted = _wanted(request)
    wanted.folder.mkdir(parents=True, exist_ok=True)
    with locked(wanted.folder / "batch.lock", "segcli batch", what=f"the folder {request.out}"):
        _fetch(wanted)
        if (wanted.folder / FILE).is_file():
            there = Job.open(wanted.folder)
            _require_same(there, wanted)
            if there.results_url and not there.results.exists(FILE):
                _publish(there)
            return there
        _require_opens(wanted)
        with working("listing the images"):
            source = Source(wanted.source, wanted.source_digest)
            manifest = write_manifest(wanted.folder, rows_of(source, request.shard_size, digests=request.digests))
        job = Job(**{**vars(wanted), "images": manifest.images, "shards": manifest.shards})
        job.save()
        _publish(job)
    return job


def state_folder(out: StrPath) -> Path:
    """The folder of a batch: `out`, or for a URL a folder in the cache for manifest, leases and logs."""
    if not is_remote(str(out)):
        return Path(out).absolute()
    return cache_folder() / "batch" / hashlib.sha256(str(out).encode()).hexdigest()[:16]


def _publish(job: Job) -> None:
    """Copies the description of a batch whose results go elsewhere to its results; the job itself comes last."""
    for name in DESCRIPTION if job.results_url else ():
        copy = job.folder / f"{name}.copy"
        shutil.copyfile(job.folder / name, copy)
        job.results.put(copy, name)


def _fetch(wanted: Job) -> None:
    """Copies the description of a batch that another machine began."""
    results, folder = wanted.results, wanted.folder
    if not wanted.results_url or (folder / FILE).is_file() or not results.exists(FILE):
        return
    for name in DESCRIPTION:
        with results.open(name) as source, atomic_path(folder / name) as temporary, temporary.open("wb") as target:
            shutil.copyfileobj(source, target)
    replace(Job.open(folder), model_dir=wanted.model_dir, device=wanted.device).save()


def count_faults(job: Job) -> int:
    """Number of images without a result; only the shards with failures are read."""
    numbers = [int(name.removesuffix(".csv")) for name in job.results.names(FAULTS) if name.endswith(".csv")]
    done = job.done() if numbers else set()
    return sum(_count_faults(job, shard) for shard in numbers if shard in done)


def _count_faults(job: Job, shard: int) -> int:
    with job.results.open(part(FAULTS, shard, ".csv")) as file:
        text = file.read().decode("utf-8")
    return len(list(csv.reader(text.splitlines(keepends=True)))) - 1


def _wanted(request: BatchRequest) -> Job:
    """The job of a request before its images are counted."""
    source = Source.of(request.source)
    folder = exported_in(Path(request.model_dir).expanduser()).absolute()
    model = ExportedModel.open(folder)
    name = model.model_name
    if get_spec(name).task.facts.takes_prompts:
        hint = "batch takes semantic and instance models; see `segcli predict`"
        raise UsageError(f"{model.title} takes prompts", hint=hint)
    return Job(
        folder=state_folder(request.out),
        source=source.path,
        source_digest=source.digest,
        model_name=name,
        model_dir=str(folder),
        model_digest=model_digest(model),
        device=request.device,
        settings=request.settings.model_dump(mode="json", exclude_unset=True, exclude=_ELSEWHERE),
        masks=request.masks,
        shard_size=request.shard_size,
        lease_s=request.lease_s,
        images=0,
        shards=0,
        title=model.title,
        results_url=str(request.out).rstrip("/") if is_remote(str(request.out)) else "",
    )


_ELSEWHERE = {"input", "model_dir", "save_dir", "skip_existing", "frame_step", "json_form"}
"""Keys of `Predict` that a batch takes from elsewhere or does not use."""
_SAME = {
    "source": "images",
    "source_digest": "images",
    "model_digest": "model",
    "settings": "settings",
    "masks": "masks",
}
"""Fields of a job that must not change when a batch is resumed, with their names in messages."""


def _require_same(there: Job, wanted: Job) -> None:
    for name, word in _SAME.items():
        before, now = getattr(there, name), getattr(wanted, name)
        if before != now:
            shown = f": {before} and {now}" if name in ("source", "settings", "masks") else ""
            raise UsageError(
                f"holds a batch of other {word}{shown}",
                path=there.folder,
                hint="give another --out, or the values that the batch was started with",
            )


def _require_opens(job: Job) -> None:
    """Opens the model once: reports what is missing before the images are listed, and compares its runtimes."""
    from segcli.steps.predict.model import open_model

    open_model(job.model_name, job.model_dir, job.predict, job.device)


def _finished(job: Job, pool: Pool, before: int) -> Iterator[None]:
    """Yields once per finished shard, while workers are running; results are listed as often as their place allows."""
    is_working, pause, listed = True, job.results.pause_s, time.monotonic()
    while is_working:
        is_working = pool.is_working()
        if is_working and time.monotonic() - listed < pause:
            continue
        listed = time.monotonic()
        done = len(job.done())
        yield from (None for _ in range(done - before))
        before = done
