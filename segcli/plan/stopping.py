"""When a planned training ends before its time."""

from __future__ import annotations

from segcli.plan.choice import Choice
from segcli.plurals import counted

_FEWEST = 5
"""Measurements below which a plateau cannot be told from chance."""
_LEAST_PATIENCE = 4


def stop_choices(length: int, interval: int) -> list[Choice]:
    """Early stop by the number of measurements: half of them may pass without a rise.

    Args:
        length: Iterations or epochs.
        interval: Of the same between two measurements.
    """
    count = -(-length // max(interval, 1))
    if count < _FEWEST:
        reason = f"{counted(count, 'measurement')} cannot tell a plateau from chance"
        return [Choice("Train.early_stop.enable", False, reason)]
    patience = max(_LEAST_PATIENCE, -(-count // 2))
    reason = f"the training ends when {patience} of its {count} measurements in a row bring no rise"
    return [Choice("Train.early_stop.enable", True, reason), Choice("Train.early_stop.patience", patience, reason)]
