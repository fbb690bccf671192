"""Prediction that goes on where a model fails on one image: a runtime may refuse a size, or need more memory than there
is."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

import numpy as np

from segcli.data.sources import SourceItem
from segcli.errors import InputError, SegcliError
from segcli.failure_report import failure_of
from segcli.inference.failed_image import ends_all, failed_image, words_of
from segcli.plurals import counted

log = logging.getLogger("segcli.predict")

R = TypeVar("R")

_MOST_IN_VAIN = 100
"""Images on which a model fails, and none on which it works, after which it is tried on an empty one."""
_EMPTY_PX = 512
"""Sides of the empty image, such as most networks take and most memories hold."""


class Attempts(Generic[R]):
    """Runs a model on batches; where it fails on one, its images are tried one by one.

    Where it fails on every image, an empty one of a usual size tells whether the images are at fault: they may all be
    tiny, or too large for the memory.

    Args:
        predict: One result for each of several items that have images, in order.
    """

    def __init__(self, predict: Callable[[Sequence[SourceItem]], Iterable[R]]) -> None:
        self._predict = predict
        self._has_worked = False
        self._failure: Exception | None = None
        self._empty: SourceItem | None = None
        self._in_vain = 0

    def __call__(self, items: Sequence[SourceItem]) -> Iterator[R | InputError]:
        """The result of each item, or why it has none.

        Args:
            items: With images.

        Raises:
            UsageError, ConfigError, DatasetError: The model takes no image with these settings.
            MissingPartError: What it needs for every image is not there.
            OSError: The disk is full.
            Exception: Behind it is a signal that ends the process.
            SegcliError: The model has failed on very many images, on no other has it worked, nor on an empty one.
        """
        done = 0
        try:
            for result in self._predict(items) if items else ():
                done += 1
                self._has_worked = True
                yield result
            return
        except Exception as fault:  # any: each runtime has its own
            if ends_all(fault):
                raise
            traceback.clear_frames(fault.__traceback__)  # they hold what did not fit into the memory
            left_out = self._left_out(items[0], fault) if len(items) == 1 and not done else None
        if left_out is not None:
            yield left_out
            return
        for item in items[done:]:
            yield from self([item])

    def require_any(self) -> None:
        """Raises what the model failed with last, as a `SegcliError`, if it failed on every image so far, and fails on
        an empty one."""
        fault = self._failure
        if fault is None or self._works():
            return
        if isinstance(fault, SegcliError):
            raise fault
        images = f"none of {counted(self._in_vain, 'image')}, nor on an empty one"
        raise SegcliError(f"the model works on {images}: {words_of(fault)}", hint=failure_of(fault).hint) from fault

    def _works(self) -> bool:
        """Whether the model has worked on an image, or works on an empty one."""
        if not self._has_worked and self._empty is not None:
            try:
                self._has_worked = bool(list(self._predict([self._empty])))
            except Exception as fault:  # any: as above, or of prompts that lie outside of it
                log.debug("the model fails on an empty image too", exc_info=fault)
        return self._has_worked

    def _left_out(self, item: SourceItem, fault: Exception) -> InputError:
        error = fault if isinstance(fault, InputError) and fault.path is not None else self._failed(item, fault)
        log.warning("left out: %s", error)
        log.debug("it was left out because of this error", exc_info=fault)
        return error

    def _failed(self, item: SourceItem, fault: Exception) -> InputError:
        """Counts an image on which the model fails, rather than one that cannot be read to its end."""
        self._failure = fault
        self._in_vain += 1
        if not self._has_worked:
            bands, dtype = (3, np.uint8) if item.rgb is None else (item.rgb.shape[2], item.rgb.dtype)
            self._empty = replace(item, rgb=np.zeros((_EMPTY_PX, _EMPTY_PX, bands), dtype), large=None)
        if self._in_vain >= _MOST_IN_VAIN:
            self.require_any()
        size = (0, 0) if item.windows is None else item.windows.size
        part = "" if item.page_index is None else f" ({'page' if item.clip is None else 'frame'} {item.page_index})"
        return failed_image(fault, item.input_path or item.name, size, part=part)
