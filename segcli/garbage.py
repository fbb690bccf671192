"""Garbage is collected rarely while a command starts, or a dataset is checked or converted.

Python looks for garbage each time there are 700 more objects. Imports and annotations make hundreds of thousands, none
of them garbage: looking through them took a tenth of the time of a start-up, of a conversion, and of the check of a
long list.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock

_OBJECTS = 100_000
"""New objects after which garbage is collected meanwhile."""
HARDLY_EVER = 10_000_000
"""The same for a check, whose objects are no garbage: a thousand images leave a few cycles, damaged ones as well."""
_usual: list[tuple[int, int, int]] = []
_inside: list[tuple[int, int, int]] = []
_is_command = Event()
_lock = Lock()


def begin_start_up() -> None:
    """Collects rarely from here on; for the process of a command, not for a program that uses segcli."""
    if not _usual:
        _usual.append(gc.get_threshold())
        gc.set_threshold(_OBJECTS, *_usual[0][1:])


def end_start_up() -> None:
    """Collects as usual again, without ever looking at what the start-up has made; nothing if it had not begun."""
    if _usual:
        gc.freeze()
        _is_command.set()
        gc.set_threshold(*_usual.pop())


def set_aside() -> None:
    """Makes all that is alive old at once, as collections would that look at it twice; for very many values that stay.

    What a command sets aside is never looked at again, as what its start-up has made. Nothing is done in a program that
    has frozen objects of its own, which would be thawed.
    """
    is_frozen = gc.get_freeze_count() > 0
    if is_frozen and not _is_command.is_set():
        return
    gc.freeze()
    if not is_frozen:
        gc.unfreeze()


@contextmanager
def collecting_rarely(objects: int = _OBJECTS) -> Iterator[None]:
    """Collects rarely inside the block, and as before when the last of several threads has left it.

    For work that leaves little garbage: a cycle of objects that holds pixels waits longer, too. The check of 1,500
    damaged images takes no more memory so.

    Args:
        objects: New ones after which garbage is collected; a program that uses segcli has garbage of its own, and
            collects after 100,000 at the latest.
    """
    if not _is_command.is_set():
        objects = min(objects, _OBJECTS)
    with _lock:
        _inside.append(before := gc.get_threshold())
        if 0 < before[0] < objects:  # 0: the program that uses segcli collects never
            gc.set_threshold(objects, *before[1:])
    try:
        yield
    finally:
        with _lock:
            last = _inside.pop()
            if not _inside:
                gc.set_threshold(*last)
