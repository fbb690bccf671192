"""What each image has of each class, for stratified parts: pixels of masks, or objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from segcli.data.classes import IGNORE_INDEX
from segcli.data.id_counts import count_ids
from segcli.data.image import read_mask
from segcli.data.instances import InstanceSample
from segcli.data.prefetch import map_ahead
from segcli.errors import InputError


def pixels_by_class(masks: Sequence[Path]) -> list[Counter[int]]:
    """Pixels of each class id in each mask, ignored ones left out; a mask that cannot be read has none."""

    def count(path: Path) -> Counter[int]:
        try:
            counts = count_ids(read_mask(path))
        except InputError:
            return Counter()
        return Counter({int(id_): int(counts[id_]) for id_ in np.flatnonzero(counts) if id_ != IGNORE_INDEX})

    return list(map_ahead(count, masks))


def objects_by_class(samples: Iterable[InstanceSample]) -> list[Counter[int]]:
    """Objects of each class id in each image, crowds left out."""
    return [Counter(one.class_id for one in sample.objects if not one.is_crowd) for sample in samples]
