"""What a dataset holds, in a form that can be kept and compared: a training goes on only with what it began with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segcli.data.instances import CocoDataset, InstanceSample
from segcli.data.samples import SegDataset, SegSample


@dataclass(frozen=True)
class PartIdentity:
    """One part of a dataset.

    Attributes:
        samples: Number of images.
        sha256: Of the images' names and what belongs to each, in order; the folder of the dataset does not count.
    """

    samples: int
    sha256: str


def identities(dataset: SegDataset | CocoDataset) -> dict[str, PartIdentity]:
    """Those of ``train`` and ``val``."""
    return {"train": _part(dataset.train, dataset.root), "val": _part(dataset.val, dataset.root)}


def _part(samples: Sequence[SegSample | InstanceSample], root: Path) -> PartIdentity:
    total = hashlib.sha256()
    for sample in samples:
        total.update(repr((_name(sample.image, root), _label(sample, root))).encode())
    return PartIdentity(len(samples), total.hexdigest())


def _label(sample: SegSample | InstanceSample, root: Path) -> object:
    if isinstance(sample, SegSample):
        return _name(sample.mask, root)
    return [(one.class_id, one.box, one.area_px, one.is_crowd) for one in sample.objects]


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
