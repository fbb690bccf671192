"""The range that all readers of a process use where none is given."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from functools import cache

from segcli.data.decoding.image_range import ImageRange, parse_range

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
