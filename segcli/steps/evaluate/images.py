"""Names and groups of the evaluated images."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from segcli.config.schema import Config
from segcli.data.splits.groups import NoGroupError, group_each, group_rule

log = logging.getLogger("segcli.evaluate")


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
    """The group of each image by `CheckDataset.groups`; None where no groups are configured or none fits.

    That none fits is a warning: a configuration that was written for the training's data may measure others.

    Raises:
        UsageError: The pattern or the table of groups cannot be read.
    """
    groups = config.CheckDataset.groups
    rule = group_rule(groups.by_folder, groups.pattern, groups.table)
    if rule is None:
        return None
    try:
        return group_each(list(names), rule)
    except NoGroupError as fault:
        log.warning("%s; intervals take each image for itself", fault.message)
        return None
