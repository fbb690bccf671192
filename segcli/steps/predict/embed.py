"""`segcli embed`: encodes images in advance, before there are prompts."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

from segcli.data.prefetch import read_ahead
from segcli.data.sources import Input, open_sources
from segcli.errors import InputError, UsageError
from segcli.models.promptable.specs import PROMPTABLE
from segcli.models.table import get_spec
from segcli.progress import track
from segcli.steps.predict.open_promptable import open_promptable

log = logging.getLogger("segcli.predict")


@dataclass(frozen=True)
class EmbedResult:
    """What was encoded.

    Attributes:
        model_name: The model.
        runtime: What ran it.
        folder: Where the embeddings are.
        images: Images that have an embedding now.
        encoded: Images encoded in this run; the others had an embedding before.
        failed: Inputs that cannot be read.
        seconds: Total time.
    """

    model_name: str
    runtime: str
    folder: Path
    images: int
    encoded: int
    failed: tuple[str, ...]
    seconds: float

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

    Args:
        given: Images; the same inputs as for predict.
        model: A promptable model.
        source: Its weights, or the folder of its export.
        folder: Folder for the embeddings.
        device: Device to run on.

    Raises:
        UsageError: The model is not promptable.
        InputError: There is no image, or none can be read.
    """
    spec = get_spec(model)
    if not spec.task.facts.takes_prompts:
        raise UsageError(f"{model} has no embeddings", hint=f"one of {', '.join(PROMPTABLE)}")
    sources = open_sources(given)
    opened = open_promptable(spec, source, device=device)
    cache = opened.cache_in(str(folder))
    assert cache is not None
    predictor = opened.predictor(cache)
    begin, failed, images, encoded = time.perf_counter(), [], 0, 0
    for item in track(read_ahead(sources, 2), "embed", len(sources)):
        if item.rgb is None:
            log.warning("left out: %s", item.fault)
            failed.append(str(item.fault))
            continue
        known = cache.misses
        predictor.set_image(item.rgb, name=item.input_path or "the array")
        images, encoded = images + 1, encoded + cache.misses - known
    if not images:
        raise InputError(f"none of {len(failed)} inputs can be read; the first: {failed[0]}")
    seconds = time.perf_counter() - begin
    return EmbedResult(opened.described.title, opened.runtime, folder, images, encoded, tuple(failed), seconds)
