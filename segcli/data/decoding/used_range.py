"""The range that all readers of a process use where none is given."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

from segcli.data.decoding.image_range import ImageRange, parse_range
from segcli.environment import restored

SETTING = "SEGCLI_IMAGE_RANGE"
"""Environment variable of the range, so that worker processes have the same."""


@cache
def current_range() -> ImageRange:
    """The range by which this process reads images of more than 8 bits."""
    text = os.environ.get(SETTING, "")
    if not text:
        return ImageRange()
    setting = json.loads(text)
    return replace(parse_range(setting["range"]), channels=setting["channels"])


def set_image_range(image_range: ImageRange) -> None:
    """Sets the range of this process and of those that it starts."""
    os.environ[SETTING] = json.dumps({"range": image_range.as_setting(), "channels": image_range.channels})
    current_range.cache_clear()


@contextmanager
def range_of_one_run() -> Iterator[None]:
    """Whatever range is set inside the block is not that of the next run in the same program."""
    with restored(SETTING, current_range.cache_clear):
        yield
