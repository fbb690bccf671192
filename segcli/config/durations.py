"""Durations as text, such as ``10m``."""

from __future__ import annotations

import math
import re

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_time(text: str) -> float:
    """Seconds of ``90``, ``90s``, ``10m``, ``1.5h`` or ``1d``.

    Raises:
        ValueError: The text is not a duration above 0.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*", text)
    if found is None or float(found[1]) <= 0:
        raise ValueError(f"is {text!r}; expected a duration such as 90s, 10m or 1.5h")
    return float(found[1]) * _UNITS[found[2]]


def shown_as_option(seconds: float) -> str:
    """The shortest round duration of at least so many seconds, as `parse_time` reads it: ``90s``, ``7m``, ``2.5h``."""
    if seconds <= 90:
        return f"{max(math.ceil(seconds / 10), 1) * 10}s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes}m" if minutes <= 90 else f"{math.ceil(seconds / 360) / 10:g}h"
