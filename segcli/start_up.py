"""Garbage is collected rarely while a command starts.

Python looks for garbage each time there are 700 more objects. Imports make hundreds of thousands, none of them garbage:
looking through them took a tenth of the start-up time.
"""

from __future__ import annotations

import gc

_OBJECTS = 100_000
"""New objects after which garbage is collected during the start-up."""
_usual: list[tuple[int, int, int]] = []


def begin_start_up() -> None:
    """Collects rarely from here on; for the process of a command, not for a program that uses segcli."""
    if not _usual:
        _usual.append(gc.get_threshold())
        gc.set_threshold(_OBJECTS, *_usual[0][1:])


def end_start_up() -> None:
    """Collects as usual again, without ever looking at what the start-up has made; nothing if it had not begun."""
    if _usual:
        gc.freeze()
        gc.set_threshold(*_usual.pop())
