"""Settings of a split: shares, seed, stratification, groups, folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from segcli.config.schema import CheckDatasetConfig
from segcli.data.splits.groups import GroupOf, group_rule
from segcli.data.splits.partition import Divisible, folds, partition
from segcli.data.splits.ratios import Shares
from segcli.errors import UsageError
from segcli.plurals import counted

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class SplitRequest:
    """The split that a configuration requests.

    Attributes:
        shares: Percentages of the splits; not used for folds.
        seed: Seed of the shuffle.
        stratified: Whether each split gets its share of the pixels or objects of every class.
        group_of: Maps an image's name to its group, which stays in one split; None without groups.
        folds: Number of folds; None for one split.
    """

    shares: Shares
    seed: int = 0
    stratified: bool = False
    group_of: GroupOf | None = None
    folds: int | None = None

    @staticmethod
    def of(settings: CheckDatasetConfig) -> SplitRequest:
        """Reads the settings of a configuration.

        Raises:
            ConfigError: The percentages do not add up to 100.
            UsageError: The pattern or the table of groups is invalid.
        """
        split, groups = settings.split, settings.groups
        shares = (
            Shares(100, 0)
            if split.folds is not None
            else Shares.checked(split.train_percent, split.val_percent, split.test_percent)
        )
        group_of = group_rule(groups.by_folder, groups.pattern, groups.table)
        return SplitRequest(shares, split.seed, split.stratified, group_of, split.folds)

    @property
    def takes_test(self) -> bool:
        """Whether the images of an existing test split are split again too; otherwise they stay in it."""
        return self.folds is None and self.shares.test_percent > 0

    @property
    def method(self) -> str:
        """The method, for the terminal."""
        return ("stratified by class" if self.stratified else "at random") + (
            ", groups kept whole" if self.group_of is not None else ""
        )

    def notes(self, images: Sequence[Divisible]) -> tuple[str, ...]:
        """What the terminal says of the groups."""
        if self.group_of is None:
            return ()
        sizes = Counter(image.group for image in images if image.group is not None)
        alone = len(images) - sizes.total()
        rest = f"; {counted(alone, 'image')} in none" if alone else ""
        return (f"{counted(sizes.total(), 'image')} in {counted(len(sizes), 'group')}{rest}",)

    def splits(self, images: Sequence[Divisible]) -> dict[str, list[int]]:
        """The positions in `images` of each split that has a share.

        Raises:
            UsageError: There are fewer images, or groups of them, than splits or folds.
        """
        if self.folds is not None:
            try:
                own = folds(images, self.folds, self.seed, stratified=self.stratified)
            except ValueError as error:
                raise UsageError(str(error), hint="choose fewer folds") from error
            return {f"fold_{number}": split for number, split in enumerate(own, start=1)}
        found = partition(images, self.shares.weights, self.seed, stratified=self.stratified)
        for name, share, split in zip(SPLITS, self.shares.weights, found, strict=False):
            if share and not split:
                units = len({(image.group is None, image.group or image.name) for image in images})
                what = counted(units, "image" if self.group_of is None else "group")
                verb = "is" if units == 1 else "are"
                message = f"{what} {verb} too few for {len(found)} splits: {name} would be empty"
                raise UsageError(f"{message}; nothing was split", hint="add images, or make larger groups smaller")
        return dict(zip(SPLITS, found, strict=False))
