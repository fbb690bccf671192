"""The batch size, from what steps of several sizes cost."""

from __future__ import annotations

from collections.abc import Mapping

LEAST = 4
MOST = {"cpu": 8}
_MOST_ELSEWHERE = 32
_WORTH = 0.85
"""A batch of twice the size must cost less than this per pixel: larger batches make fewer steps, which teach less."""


def sizes_to_try(device: str, train_images: int) -> tuple[int, ...]:
    """Batch sizes that are measured, in order; no batch is larger than the training split."""
    most = min(MOST.get(device, _MOST_ELSEWHERE), max(train_images, 1))
    sizes = [size for size in (4, 8, 16, 32) if size <= most]
    return tuple(sizes) or (most,)


def choose_batch(seconds_per_mpx: Mapping[int, float], train_images: int) -> tuple[int, str]:
    """The batch size, and why.

    Args:
        seconds_per_mpx: Of a step per million pixels, by batch size, of the sizes that fit into the memory; empty
            where none was measured.
        train_images: Images to learn from.
    """
    small = min(LEAST, max(train_images, 1))
    if small not in seconds_per_mpx:
        return small, "more steps in the same time teach more than larger batches"
    chosen = small
    while seconds_per_mpx.get(2 * chosen, float("inf")) < _WORTH * seconds_per_mpx[chosen]:
        chosen *= 2
    measured = ", ".join(f"{size}: {cost:.1f}" for size, cost in sorted(seconds_per_mpx.items()))
    why = (
        "larger ones use the device better"
        if chosen > small
        else "larger ones save little, and more steps in the same time teach more"
    )
    return chosen, f"measured seconds per million pixels by batch size are {measured}: {why}"
