"""An image on which a network fails: a runtime may refuse its size, or need more memory than there is."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from segcli.disk import FULL
from segcli.errors import (
    ConfigError,
    DatasetError,
    FailedImageError,
    InputError,
    MissingPartError,
    SegcliError,
    UsageError,
)
from segcli.failure_report import failure_of, stop_behind

log = logging.getLogger("segcli.evaluate")

T = TypeVar("T")
R = TypeVar("R")

Place = tuple[Path, tuple[int, int]]
"""An image and its height and width in pixels."""

_LEFT_OUT = "leave it out of the validation split"


def ends_all(fault: Exception) -> bool:
    """Whether an error of a network is not of its images: others would end alike."""
    is_full = isinstance(fault, OSError) and fault.errno in FULL  # label maps of large images are in files
    of_settings = isinstance(fault, (ConfigError, UsageError, MissingPartError, DatasetError))
    return of_settings or is_full or stop_behind(fault) is not None


def failed_image(
    fault: Exception, path: str | Path, size: tuple[int, int], *, part: str = "", hint: str | None = None
) -> FailedImageError:
    """The error of a network, told as that of an image.

    Args:
        fault: What the network raised.
        path: The image.
        size: Its height and width in pixels.
        part: Which page or frame of it.
        hint: A remedy; by default that of the error.
    """
    hint = fault.hint if hint is None and isinstance(fault, SegcliError) else hint
    message = f"the model fails on this image of {size[1]} x {size[0]} px{part}: {words_of(fault)}"
    error = FailedImageError(message, path=path, hint=hint)
    error.__cause__ = fault
    return error


def words_of(fault: Exception) -> str:
    """What an error says, in one line; all of it, as the first line of a runtime may tell no more than its file."""
    if isinstance(fault, SegcliError):
        words = fault.message
    else:
        words = f"{type(fault).__name__}: {fault}" if str(fault).strip() else failure_of(fault).message
    return " ".join(words.split())


@contextmanager
def naming_image(path: Path, size: tuple[int, int]) -> Iterator[None]:
    """An error of the network inside the block names an image of the validation split.

    Args:
        path: The image.
        size: Its height and width in pixels.

    Raises:
        FailedImageError: The network fails on it.
    """
    try:
        yield
    except Exception as fault:  # any: each runtime has its own
        if _is_told(fault):
            raise
        own = f"{fault.hint}; or " if isinstance(fault, SegcliError) and fault.hint else ""
        raise failed_image(fault, path, size, hint=f"{own}{_LEFT_OUT}") from fault


def answered(
    network: Callable[[Sequence[T]], Sequence[R]], batch: Sequence[T], place: Callable[[T], Place]
) -> Sequence[R]:
    """What a network answers to a batch; where it fails on one, its images are tried one by one.

    Args:
        network: One result for each item, in order.
        batch: Images of the validation split.
        place: The path of an item's image, and its height and width.

    Raises:
        FailedImageError: The network fails on an image.
    """
    if len(batch) > 1:
        try:
            return network(batch)
        except Exception as fault:
            if _is_told(fault):
                raise
            log.info("a batch of %d images fails, and is computed one by one: %s", len(batch), words_of(fault))
            traceback.clear_frames(fault.__traceback__)  # they hold what did not fit into the memory
        return [one for item in batch for one in answered(network, [item], place)]
    with naming_image(*place(batch[0])):
        return network(batch)


def _is_told(fault: Exception) -> bool:
    """Whether an error is raised as it is: one that is not of images, or that names a file, as of label maps."""
    return ends_all(fault) or (isinstance(fault, InputError) and fault.path is not None)
