"""One-to-one assignments of least cost, of networks that may have diverged."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

_WORST_COST = 1e6
"""In the place of NaN: a diverged network's loss reports that, so the assignment must not fail before."""


def assign(costs: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the assignment with the least sum, by the Hungarian method.

    Args:
        costs: Array or tensor [rows, columns]; NaN is taken for a high cost.
    """
    rows, columns = linear_sum_assignment(np.nan_to_num(np.asarray(costs), nan=_WORST_COST))
    return rows, columns
