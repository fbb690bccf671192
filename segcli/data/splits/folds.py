"""One fold of a dataset whose images take turns in measuring: k-fold cross-validation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from segcli.data.instances import CocoDataset, InstanceSample
from segcli.data.samples import SegDataset, SegSample
from segcli.data.splits.class_amounts import objects_by_class, pixels_by_class
from segcli.data.splits.groups import GroupOf, group_each
from segcli.data.splits.partition import Divisible, folds
from segcli.errors import UsageError

D = TypeVar("D", SegDataset, CocoDataset)


@dataclass(frozen=True)
class Fold:
    """Which fold it is.

    Attributes:
        number: From 1; its images are measured, all others are learnt from.
        count: Number of folds.
        seed: Of the split.
        group_of: From an image's name to its group, which stays in one fold; None where there are no groups.
    """

    number: int
    count: int
    seed: int = 0
    group_of: GroupOf | None = None


def fold_of(dataset: D, fold: Fold | None) -> D:
    """The dataset whose val is the fold and whose train is all other images of train and val; each fold has its share
    of every class.

    Args:
        dataset: Its split into train and val is left aside.
        fold: None leaves the dataset as it is.

    Raises:
        UsageError: There are fewer images, or groups of them, than folds, or no image has a group.
    """
    if fold is None:
        return dataset
    samples = list(dict.fromkeys((*dataset.train, *dataset.val)))
    names = [_name(sample, dataset) for sample in samples]
    groups = group_each(names, fold.group_of)
    images = [Divisible(*parts) for parts in zip(names, _amounts(samples), groups, strict=True)]
    try:
        own = set(folds(images, fold.count, fold.seed)[fold.number - 1])
    except ValueError as error:
        raise UsageError(str(error), hint="choose fewer folds") from error
    parts: dict[str, Any] = {
        "train": tuple(sample for number, sample in enumerate(samples) if number not in own),
        "val": tuple(sample for number, sample in enumerate(samples) if number in own),
    }
    return replace(dataset, **parts)


def _name(sample: SegSample | InstanceSample, dataset: SegDataset | CocoDataset) -> str:
    path = sample.image
    return path.relative_to(dataset.root).as_posix() if path.is_relative_to(dataset.root) else path.as_posix()


def _amounts(samples: Sequence[SegSample | InstanceSample]) -> list[Counter[int]]:
    masks = [sample.mask for sample in samples if isinstance(sample, SegSample)]
    if masks:
        return pixels_by_class(masks)
    return objects_by_class(sample for sample in samples if isinstance(sample, InstanceSample))
