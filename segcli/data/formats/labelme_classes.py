"""Determines the classes of a LabelMe dataset and their order."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from shlex import quote

from segcli.data.classes import BACKGROUND_NAME, IGNORE_NAME, is_background
from segcli.data.counted_names import CountedName, counted_names
from segcli.data.formats.labelme_dataset import LabelMeDataset, LabelMeSample
from segcli.data.look_alike import difference, look_alikes, looks_of
from segcli.data.samples import Split
from segcli.findings import Finding
from segcli.rules import finding

_NUMBER = re.compile(r"^\d+\s*[:,.]?\s*")
_SPECIAL = (BACKGROUND_NAME, IGNORE_NAME)


def object_classes(dataset: LabelMeDataset) -> tuple[tuple[str, ...], list[Finding]]:
    """Class names without background and ignore, in the order of `label.txt`, else of first appearance.

    First appearance is determined over the training split, then the validation split, each in the order of its list.

    Returns:
        The names, and findings for labels that are missing from `label.txt` or look alike.
    """
    first_use = _first_use(dataset.samples)
    counted = [finding("L305", str(dataset.root), found.told) for found in counted_labels(dataset)]
    if dataset.label_names is None:
        names = tuple(name for name in first_use if name not in _SPECIAL)
        return names, _spellings(first_use) + counted
    names = _meant(dataset.label_names, first_use)
    looks = {looks_of(name): name for name in names}
    unknown = [
        _unknown(name, sample, dataset, names, looks.get(looks_of(name)))
        for name, sample in first_use.items()
        if name not in names and name not in _SPECIAL
    ]
    return names, unknown + _spellings(first_use, names) + counted


def _unknown(
    name: str, sample: LabelMeSample, dataset: LabelMeDataset, names: Sequence[str], alike: str | None
) -> Finding:
    """L302; a label that looks like a name of `label.txt` can be repaired."""
    if alike is None:
        return finding("L302", sample.name, f"{name!r} is not one of {', '.join(names)}")
    hint = f"segcli fix {quote(str(dataset.root))} --select L301 writes {alike!r}"
    return finding("L302", sample.name, f"{name!r} is not in label.txt, but looks like {alike!r}", hint=hint)


def _meant(written: Sequence[str], used: Collection[str]) -> tuple[str, ...]:
    """The names of `label.txt` without the background, where lines such as ``0: cat`` or ``cat,dog`` name labels that
    are used; as written where none of these readings knows them all."""
    numbered = [_NUMBER.sub("", line) for line in written]
    listed = [word.strip() for line in written for word in line.split(",") if word.strip()]
    labels = {label for label in used if label not in _SPECIAL}
    names = next((names for names in (written, numbered, listed) if labels <= set(names)), written)
    return tuple(name for name in names if name not in _SPECIAL and (name in labels or not is_background(name)))


def counted_labels(dataset: LabelMeDataset) -> list[CountedName]:
    """Labels that number the objects of each file; the shapes of one group are one object."""
    images = []
    for sample in dataset.samples:
        shapes = enumerate(sample.annotation.shapes)
        objects = {(shape.label, (index,) if shape.group_id is None else shape.group_id) for index, shape in shapes}
        images.append([label for label, _ in objects])
    return counted_names(images)


def _first_use(samples: Iterable[LabelMeSample]) -> dict[str, LabelMeSample]:
    first: dict[str, LabelMeSample] = {}
    for sample in sorted(samples, key=lambda sample: sample.split is Split.VAL):
        for shape in sample.annotation.shapes:
            first.setdefault(shape.label, sample)
    return first


def _spellings(first_use: dict[str, LabelMeSample], label_names: Sequence[str] = ()) -> list[Finding]:
    """Labels that look like another one, or like a name of `label.txt`."""
    return [
        finding("L301", first_use[name].name, f"{name!r} here, {other!r} elsewhere: {difference(name, other)} differs")
        for name, other in look_alikes((*label_names, *first_use))
        if name in first_use
    ]
