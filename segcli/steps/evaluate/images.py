"""Names and groups of the evaluated images."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from segcli.config.schema import Config
from segcli.data.splits.groups import group_each, group_rule


def names_below(root: Path, paths: Iterable[Path]) -> list[str]:
    """Paths relative to `root` with forward slashes; the whole path of a file outside it."""
    found = []
    for path in paths:
        try:
            found.append(path.relative_to(root).as_posix())
        except ValueError:
            found.append(path.as_posix())
    return found


def groups_of(names: Iterable[str], config: Config) -> list[str | None] | None:
    """The group of each image by `CheckDataset.groups`; None where no groups are configured.

    Raises:
        UsageError: The pattern or the table of groups cannot be read, or no image has a group.
    """
    groups = config.CheckDataset.groups
    rule = group_rule(groups.by_folder, groups.pattern, groups.table)
    return None if rule is None else group_each(list(names), rule)
