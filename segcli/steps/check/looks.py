"""The pass over all samples: some are decoded, some known from the last check, of some only headers are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice, repeat
from pathlib import Path
from threading import Event, get_ident
from time import perf_counter, thread_time
from typing import Any, Generic, Protocol, TypeVar

from segcli.cores import available_cores
from segcli.data.fingerprint.images import evenly
from segcli.data.prefetch import map_ahead
from segcli.data.samples import Split
from segcli.progress import track
from segcli.steps.check.manifest import Entry, Manifest, opened, recall

QUICK = 1000
"""Images per split that a quick check decodes."""
_CHUNKS_PER_WORKER = 16
"""Least chunks of samples per worker, which makes chunks of small datasets smaller."""
_FIRST, _MOST_AT_ONCE = 32, 256
"""Samples in the first chunks, and in those of small images."""
_AHEAD = 4
"""Chunks per worker that wait or are done, as the facts of a large one take half a megabyte."""
_SHORT_SECONDS = 0.03
"""A chunk that takes less is followed by larger ones, one that takes four times as long by smaller ones."""
_BRIEF_PX = 2048
"""A sample of which fewer are decoded, as of tiny files or known from the last check, is little but Python, at which
threads take turns: two take up to twice the time of one."""
_WAITING = 3
"""Above so many seconds per second of CPU time, samples wait for a slow disk, as several threads can at once."""
_NOT_SEEN = "damaged data, mask values, crossing outlines and copies were checked in the decoded images only"

S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)
F = TypeVar("F")

Job = tuple[S, Split, Entry | None, bool]
"""A sample, its split, its manifest entry, and whether it is decoded."""


@dataclass
class LookedAt:
    """How many samples were decoded.

    Attributes:
        images: Number of samples of both splits.
        decoded: How many of these were decoded now.
        known: How many of these were known from the last check and unchanged since.
        is_quick: Whether only the headers of the others were read.
    """

    images: int = 0
    decoded: int = 0
    known: int = 0
    is_quick: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        headers = self.images - self.decoded - self.known
        return {
            "decoded": self.decoded,
            "known_from_last_check": self.known,
            "headers_only": headers,
            "not_looked_for_in_headers_only": _NOT_SEEN if headers else None,
        }

    def rows(self) -> list[tuple[str, str]]:
        """Rows for the terminal, where not everything was decoded."""
        rows = []
        if self.is_quick and self.decoded + self.known < self.images:
            seen = f"{self.decoded + self.known:,} of {self.images:,} images were decoded"
            rows.append(("quick check", f"{seen}, of the others only the headers were read; {_NOT_SEEN}"))
        if self.known:
            rows.append(("known", f"{self.known:,} unchanged since the last check (--no-cache decodes them again)"))
        return rows


class Look(Protocol[S_contra, F]):
    """How the facts of samples are found, and kept as plain values in the manifest."""

    def files(self, sample: S_contra, /) -> tuple[str, ...]:
        """The files that the facts of a sample are read from."""

    def headers(self, sample: S_contra, split: Split, /) -> F:
        """The facts from the headers of a sample's files."""

    def decoded(self, samples: Sequence[tuple[S_contra, Split]], /) -> Iterator[F]:
        """The facts from all files of each sample, but for what `completed` adds; in order, some at once."""

    def completed(self, facts: Sequence[F], /) -> Iterable[F]:
        """The facts of several samples, decoded or read, with what takes less time for all at once."""

    def pixels(self, facts: F, /) -> int:
        """How many pixels were decoded of all files of a sample."""

    def sizes(self, facts: F, /) -> Sequence[int]:
        """How many bytes were read of each file of a sample."""

    def read(self, sample: S_contra, split: Split, plain: Any, /) -> F:
        """The facts of a sample from plain values; raises an error if these are damaged."""

    def write(self, facts: F, /) -> Any | None:
        """The facts as plain values; None if they must not be kept."""


@dataclass(frozen=True)
class LookPlan(Generic[S]):
    """The samples to check, and which of them to decode.

    Attributes:
        samples: Samples of each split.
        chosen: Positions in each split of the samples to decode; None decodes all.
        summary: Counts, complete after the pass.
    """

    samples: Mapping[Split, Sequence[S]]
    chosen: Mapping[Split, frozenset[int]] | None = None
    summary: LookedAt = field(default_factory=LookedAt)

    @staticmethod
    def of(samples: Mapping[Split, Sequence[S]], decoded: int | None) -> LookPlan[S]:
        """Plans to decode `decoded` evenly chosen samples per split; None decodes all."""
        chosen = None
        if decoded is not None:
            chosen = {split: frozenset(evenly(range(len(own)), decoded)) for split, own in samples.items()}
        images = sum(map(len, samples.values()))
        return LookPlan(samples, chosen, LookedAt(images, is_quick=decoded is not None))

    @property
    def is_whole(self) -> bool:
        """Whether every sample is decoded."""
        return self.chosen is None or all(len(self.chosen[split]) == len(own) for split, own in self.samples.items())

    def decoded(self, split: Split) -> list[S]:
        """The samples of a split that are decoded."""
        if self.chosen is None:
            return list(self.samples[split])
        return [sample for place, sample in enumerate(self.samples[split]) if self.decodes(split, place)]

    def decodes(self, split: Split, place: int) -> bool:
        """Whether the sample at a position of a split is decoded."""
        return self.chosen is None or place in self.chosen[split]


def looks(plan: LookPlan[S], look: Look[S, F], manifest: Path | None, kind: str, workers: int | None) -> Iterator[F]:
    """Inspects every sample of a plan in threads, and yields the facts in order.

    Args:
        plan: The samples.
        look: Inspects one sample.
        manifest: Cache file with the facts of the last check, rewritten for the next; None for no cache.
        kind: Kind of dataset of its entries.
        workers: Threads; None is one per core.
    """
    with opened(manifest, kind) as entries:
        count = workers or available_cores()
        size = _ChunkSize(plan.summary.images, count)
        stopped = Event()
        look_at = partial(_looked, look, entries, stopped, size)
        chunks = size.chunks(_jobs(plan, look, entries))
        # a single thread beside this one would only take its turns with it
        looked = map_ahead(
            look_at,
            chunks,
            workers=count,
            ahead=_AHEAD * count,
            stopped=stopped,
            alone=lambda: count == 1 or size.is_brief,
        )
        outcomes = chain.from_iterable(looked)
        for facts, kept, is_known in track(outcomes, "checking", plan.summary.images):
            if kept is not None:
                entries.keep(kept)
            if is_known:
                plan.summary.known += 1
            yield facts
        plan.summary.decoded = sum(len(plan.decoded(split)) for split in plan.samples) - plan.summary.known


class _ChunkSize:
    """How many samples are handed to a thread at once: of small images many, as a chunk takes some time of its own and
    what they have in common is computed together; of large ones few, so that the progress is seen. Of several threads,
    none is at work for long when the others have done the last chunks, which are small.

    Args:
        samples: Of all chunks.
        workers: Threads.

    Attributes:
        is_brief: Whether the samples of the last chunk were so small that one thread is faster than several.
    """

    def __init__(self, samples: int, workers: int) -> None:
        self.is_brief = False
        self._caller = get_ident()
        self._alone_seconds = self._alone_cpu_seconds = 0.0
        most = max(samples // (_CHUNKS_PER_WORKER * workers), 1)
        self._left = samples
        self._workers = workers
        self._most = min(most, _MOST_AT_ONCE)
        self._samples = min(most, _FIRST)

    def chunks(self, jobs: Iterable[Job[S]]) -> Iterator[list[Job[S]]]:
        """The jobs in chunks, each as large as is good by what is known when it begins."""
        source = iter(jobs)
        while chunk := list(islice(source, self._next())):
            self._left -= len(chunk)
            yield chunk

    def _next(self) -> int:
        share = self._left // (2 * self._workers) if self._workers > 1 else self._left
        return max(min(self._samples, share), 1)

    def note(self, samples: int, pixels: int, seconds: float, cpu_seconds: float) -> None:
        """Chooses the size of the next chunks, and the threads, by what so many samples took.

        Args:
            samples: Of a chunk.
            pixels: How many of them were decoded.
            seconds: How long it took.
            cpu_seconds: How long its thread was at work.
        """
        if get_ident() == self._caller:  # in a pool, threads wait for each other
            self._alone_seconds += seconds
            self._alone_cpu_seconds += cpu_seconds
        waits = self._alone_seconds > _WAITING * self._alone_cpu_seconds
        self.is_brief = pixels < samples * _BRIEF_PX and not waits
        if seconds < _SHORT_SECONDS:
            self._samples = min(max(self._samples, 2 * samples), self._most)
        elif seconds > 4 * _SHORT_SECONDS:
            self._samples = max(min(self._samples, samples // 2), 1)


def _looked(
    look: Look[S, F], entries: Manifest, stopped: Event, size: _ChunkSize, jobs: Sequence[Job[S]]
) -> Iterable[tuple[F, Entry | None, bool]]:
    """The facts of each sample, the entry to keep, and whether the manifest had the facts; nothing once `stopped`."""
    begin = perf_counter(), thread_time()
    facts: dict[int, F] = {}
    known: set[int] = set()
    for place, (sample, split, entry, is_decoded) in enumerate(jobs):
        if not is_decoded:
            if stopped.is_set():
                return ()
            facts[place] = look.headers(sample, split)
        elif entry is not None and (own := recall(entry, partial(look.read, sample, split))) is not None:
            facts[place] = own
            known.add(place)
    missing = [place for place in range(len(jobs)) if place not in facts]
    for place, own in zip(missing, look.decoded([jobs[place][:2] for place in missing]), strict=True):
        facts[place] = own
        if stopped.is_set():  # large images of a chunk would take a minute after Ctrl-C
            return ()
    whole = [place for place, (_, _, _, is_decoded) in enumerate(jobs) if is_decoded]
    facts.update(zip(whole, look.completed([facts[place] for place in whole]), strict=True))
    outcomes: list[tuple[F, Entry | None, bool]] = []
    for place, (_, _, entry, _) in enumerate(jobs):
        own, is_known = facts[place], place in known
        if entry is None or is_known:
            outcomes.append((own, entry, is_known))
        elif stopped.is_set():
            return ()
        else:
            sizes = look.sizes(own)
            values = look.write(own) if entries.is_worth_keeping(sizes) else None
            outcomes.append((own, entries.renewed(entry, values, sizes), False))
    pixels = sum(map(look.pixels, (facts[place] for place in missing)))
    size.note(len(jobs), pixels, perf_counter() - begin[0], thread_time() - begin[1])
    return outcomes


def _jobs(plan: LookPlan[S], look: Look[S, F], entries: Manifest) -> Iterator[Job[S]]:
    for split, samples in plan.samples.items():
        if plan.chosen is None and not entries.are_kept:  # in a fifth of the time
            yield from zip(samples, repeat(split), repeat(None), repeat(True))
            continue
        for place, sample in enumerate(samples):
            whole = plan.decodes(split, place)
            yield sample, split, entries.find(look.files(sample)) if whole and entries.are_kept else None, whole
