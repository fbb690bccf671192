"""A checked image, and the ids of the rules on duplicates and groups."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from segcli.data.lists import relative_name
from segcli.data.samples import Split
from segcli.findings import Finding
from segcli.rules import finding


class SeenImage(NamedTuple):
    """An image, its split, and the list line or annotation entry that names it; a tuple, as very many are kept."""

    path: str
    split: Split
    location: str

    def finding(self, rule_id: str, root: Path, message: str) -> Finding:
        """A finding on this image, with its name relative to `root`."""
        return finding(rule_id, relative_name(self.path, root), message, location=self.location)


@dataclass(frozen=True)
class SplitRules:
    """Ids of the rules on duplicates and groups, for one kind of dataset.

    Attributes:
        across: The same image in both splits.
        within: Copies of an image in one split.
        near: Nearly the same image in both splits.
        group: Images of one group in both splits.
    """

    across: str
    within: str
    near: str
    group: str
