"""The fold that a configuration names."""

from __future__ import annotations

from segcli.config.schema import Config
from segcli.data.splits.folds import Fold
from segcli.data.splits.groups import group_rule


def chosen_fold(config: Config) -> Fold | None:
    """`Train.fold` of `Train.folds`; None where the dataset's own split into train and val counts."""
    count, number, groups = config.Train.folds, config.Train.fold, config.CheckDataset.groups
    rule = groups.by_folder, groups.pattern, groups.table
    if count is None or number is None:
        return None
    return Fold(number, count, config.Global.seed, group_rule(*rule))
