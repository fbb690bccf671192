"""Durations as text, such as ``10m``."""

from __future__ import annotations

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
