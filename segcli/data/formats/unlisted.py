"""Images and masks without lists: pairs them by name and splits them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from shlex import quote

from segcli.data.decoding.headers import read_header
from segcli.data.files import is_file
from segcli.data.formats.masks_layout import Pair, paired_files, split_pairs, training_pairs, unpaired_files
from segcli.data.formats.voc_layout import find_voc, voc_layout
from segcli.data.lists import relative_name
from segcli.data.samples import SegSample, Split
from segcli.data.splits.ratios import DEFAULT_SHARES, divide
from segcli.findings import Finding
from segcli.plurals import listed
from segcli.rules import finding

_HEAD_BYTES = 1 << 12

Samples = tuple[SegSample, ...]


def unlisted_samples(root: Path) -> tuple[Samples, Samples, tuple[Finding, ...]] | None:
    """Returns the samples of both splits and the findings; None where there are no such images and masks.

    Without given splits, 80 of 100 images are for training, always the same ones.
    """
    if find_voc(root) == root:
        return _voc_samples(root)
    parts = split_pairs(root)
    if parts:
        message = f"there are no lists; the splits are those of the folders: {_sizes(parts)}"
        hint = f"none needed; segcli split {quote(str(root))} writes train.txt and val.txt, with other splits"
        findings = [finding("S004", str(root), message, hint=hint), *_without_partner(root)]
        return _samples(parts[Split.TRAIN]), _samples(parts[Split.VAL]), tuple(findings)
    pairs, what = training_pairs(root), "images of the training folder were paired with masks"
    if not pairs:
        pairs, what = paired_files(root), "images were paired with masks by their names"
    if not pairs:
        return None
    findings = [_divided(root, len(pairs), what)]
    return (*_parts(root, pairs), (*findings, *_without_partner(root)))


def _without_partner(root: Path) -> Iterator[Finding]:
    alone = unpaired_files(root)
    if alone:
        names = listed(alone, name=lambda path: relative_name(path, root))
        yield finding("S005", str(root), f"{len(alone)} without a partner: {names}")


def _voc_samples(root: Path) -> tuple[Samples, Samples, tuple[Finding, ...]]:
    layout = voc_layout(root)
    findings = list(layout.list_findings())
    parts: dict[Split | None, list[Pair]] = {split: [] for split in (*Split, None)}
    for sample in layout.samples:
        name = relative_name(sample.class_map, root)
        if sample.image is None:
            findings.append(finding("V101", name, f"no image is called {sample.name}"))
        elif not is_file(sample.class_map):
            findings.append(finding("V102", name, "there is no such file"))
        else:
            parts[sample.split].append((sample.image, sample.class_map))
    found = [pair for pairs in parts.values() for pair in pairs]
    if found and _is_in_colour(found[0][1]):
        hint = f"segcli convert {quote(str(root))} NEW_FOLDER --to masks"
        name = relative_name(found[0][1], root)
        findings.append(finding("V106", name, "holds colours, not ids", hint=hint))
    if parts[None]:
        findings.append(_divided(root, len(parts[None]), "images belong to no split"))
        train, val = _parts(root, found)
    else:
        train, val = (_samples(parts[split]) for split in Split)
    return train, val, tuple(findings)


def _sizes(parts: Mapping[Split, Sequence[Pair]]) -> str:
    return ", ".join(f"{len(pairs)} {split.value}" for split, pairs in parts.items())


def _divided(root: Path, count: int, why: str) -> Finding:
    hint = f"none needed; segcli split {quote(str(root))} writes train.txt and val.txt"
    return finding("S004", str(root), f"{count} {why}; 80 of 100 are for training", hint=hint)


def _parts(root: Path, pairs: Sequence[Pair]) -> tuple[Samples, Samples]:
    train, val = divide(pairs, DEFAULT_SHARES, 0, key=lambda pair: relative_name(pair[0], root))
    return _samples(train), _samples(val)


def _samples(pairs: Sequence[Pair]) -> Samples:
    return tuple(SegSample(str(image), str(mask), 0) for image, mask in pairs)


def _is_in_colour(path: Path) -> bool:
    with path.open("rb") as file:
        header = read_header(file.read(_HEAD_BYTES))
    return header is not None and header.channels > 1
