"""`segcli embed`: encodes images in advance, before there are prompts."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from segcli.data.prefetch import read_ahead
from segcli.data.sources import Input, SourceItem, open_sources
from segcli.errors import InputError, UsageError
from segcli.models.promptable.specs import PROMPTABLE
from segcli.models.table import get_spec
from segcli.progress import track
from segcli.steps.predict.attempts import Attempts
from segcli.steps.predict.command import readable
from segcli.steps.predict.open_promptable import open_promptable
from segcli.steps.predict.result import Unreadable


@dataclass(frozen=True)
class EmbedResult:
    """What was encoded.

    Attributes:
        model_name: The model.
        runtime: What ran it.
        folder: Where the embeddings are.
        images: Images that have an embedding now.
        encoded: Images encoded in this run; the others had an embedding before.
        failed: Inputs that cannot be read, or that the model fails on.
        seconds: Total time.
    """

    model_name: str
    runtime: str
    folder: Path
    images: int
    encoded: int
    failed: tuple[str, ...]
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether every input has an embedding."""
        return not self.failed

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        rows = [
            ("model", self.model_name),
            ("runtime", self.runtime),
            ("images", f"{self.images}, {self.encoded} of them new"),
            ("seconds", f"{self.seconds:.1f}"),
            ("embeddings", str(self.folder)),
        ]
        return [*rows, *(("failed", message) for message in self.failed)]


def embed(given: Input, model: str, source: Path, folder: Path, *, device: str = "cpu") -> EmbedResult:
    """Encodes images and saves the embeddings; an image that has an embedding is not encoded again.

    An input that cannot be read, or that the model fails on, is reported; the others are still encoded.

    Args:
        given: Images; the same inputs as for predict.
        model: A promptable model.
        source: Its weights, or the folder of its export.
        folder: Folder for the embeddings.
        device: Device to run on.

    Raises:
        UsageError: The model is not promptable.
        InputError: There is no image, or none can be read.
        SegcliError: The model fails on every image.
    """
    spec = get_spec(model)
    if not spec.task.facts.takes_prompts:
        raise UsageError(f"{model} has no embeddings", hint=f"one of {', '.join(PROMPTABLE)}")
    sources = open_sources(given)
    opened = open_promptable(spec, source, device=device)
    cache = opened.cache_in(str(folder))
    assert cache is not None
    predictor = opened.predictor(cache)

    def encode(items: Sequence[SourceItem]) -> Iterator[bool]:
        """Whether each image had no embedding."""
        for item in items:
            assert item.rgb is not None  # nothing is read in windows here
            known = cache.misses
            predictor.set_image(item.rgb, name=item.input_path or "the array")
            yield cache.misses > known

    attempts, begin, failed, images, encoded = Attempts(encode), time.perf_counter(), list[Unreadable](), 0, 0
    for item in readable(track(read_ahead(sources, 2), "embed", len(sources)), failed):
        (is_new,) = attempts([item])
        if isinstance(is_new, InputError):
            failed.append(Unreadable(item.input_path, str(is_new)))
        else:
            images, encoded = images + 1, encoded + is_new
    attempts.require_any()
    if not images:
        raise InputError(f"none of {len(failed)} inputs has a result; the first: {failed[0].message}")
    told, seconds = tuple(one.message for one in failed), time.perf_counter() - begin
    return EmbedResult(opened.described.title, opened.runtime, folder, images, encoded, told, seconds)
