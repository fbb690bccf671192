"""Masks in shades of grey: each shade becomes a class id, in order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segcli.findings import Finding
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.mask_gaps import counts_of, renumber


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Writes 0, 1, 2, ... for the shades from black to white, 255 among them."""
    counts = counts_of(draft)
    total: NDArray[np.int64] = sum(counts.values(), np.zeros(256, np.int64))
    renumber(draft, rule, counts, {shade: number for number, shade in enumerate(np.flatnonzero(total).tolist())})
