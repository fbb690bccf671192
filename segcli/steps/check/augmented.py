"""Augmented copies of one image in train and val, told by the names that Roboflow gives them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from segcli.data.samples import Split
from segcli.data.suffixes import stem_and_suffix
from segcli.findings import Finding
from segcli.plurals import counted, listed
from segcli.rules import finding
from segcli.steps.check.split_by_pattern import split_by_pattern

PATTERN = r"([^/]+)[.]rf[.]"
"""Finds the image of which a file was made, such as `cat_jpg` of `cat_jpg.rf.0a1b2c.jpg`."""
_COPY = re.compile(r"(?P<source>.+)\.rf\.[0-9A-Za-z]{8,}")


def augmented_in_both(
    images: Mapping[Split, Iterable[str]], rule: str, root: Path, *, can_split: bool
) -> Iterator[Finding]:
    """One finding on the images of which copies are in both splits.

    Args:
        images: The images of each split.
        rule: Id of the rule.
        root: The dataset.
        can_split: Whether `segcli split` can split it anew.
    """
    splits: dict[str, set[Split]] = defaultdict(set)
    for split, paths in images.items():
        for path in paths:
            match = _COPY.fullmatch(stem_and_suffix(path)[0]) if ".rf." in path else None
            if match is not None:
                splits[match["source"]].add(split)
    both = [source for source, own in splits.items() if len(own) > 1]
    if both:
        hint = f"{split_by_pattern(root, PATTERN)} keeps the copies of an image in one split" if can_split else None
        message = f"copies that Roboflow made of {counted(len(both), 'image')} are in both splits: {listed(both)}"
        yield finding(rule, str(root), message, hint=hint)
