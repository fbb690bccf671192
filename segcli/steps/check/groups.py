"""Groups of images (one patient, one video) that are in train and val, which makes validation scores too good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from segcli.data.lists import relative_name
from segcli.data.samples import Split
from segcli.data.splits.groups import GroupOf, require_groups
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.steps.check.seen import SeenImage


class GroupTally:
    """Counts the images of each group by split.

    Args:
        root: Folder to which names are relative.
        rule: Id of the rule that a group in both splits breaks.
        group_of: Maps an image's name to its group; None if no groups are configured.
    """

    def __init__(self, root: Path, rule: str, group_of: GroupOf | None) -> None:
        self._root = root
        self._rule = rule
        self._group_of = group_of
        self._counts: Counter[tuple[str, Split]] = Counter()
        self._first_in_val: dict[str, SeenImage] = {}
        self._names: list[str] = []

    def update(self, images: Iterable[SeenImage]) -> None:
        """Adds images."""
        if self._group_of is None:
            return
        for image in images:
            name = relative_name(image.path, self._root)
            group = self._group_of(name)
            if not self._counts:
                self._names.append(name)
            if group is not None:
                self._counts[group, image.split] += 1
                if image.split is Split.VAL:
                    self._first_in_val.setdefault(group, image)

    def findings(self) -> Iterator[Finding]:
        """A finding per group that lies in both splits, at its first image in val.

        Raises:
            UsageError: Groups are configured, and no image has one.
        """
        require_groups(bool(self._counts), self._names)
        for group, image in self._first_in_val.items():
            in_train, in_val = (self._counts[group, split] for split in Split)
            if in_train:
                message = f"group {group!r} has {counted(in_train, 'image')} in train and {in_val} in val"
                yield image.finding(self._rule, self._root, message)
