"""`split`: divides the samples of both lists anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.config.schema import Config
from segcli.data.samples import Split
from segcli.data.seg_dataset import LIST_FILES, find_root, scan_lists
from segcli.data.transaction import Change, transaction
from segcli.errors import DatasetError, UsageError
from segcli.split.shares import Shares, divide


@dataclass(frozen=True)
class SplitReport:
    """What a division did.

    Attributes:
        root: The dataset's folder.
        train: Samples of the training part.
        val: Samples of the validation part.
        seed: Seed of the shuffle.
        changes: Lists written and where their originals went.
    """

    root: Path
    train: int
    val: int
    seed: int
    changes: tuple[Change, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "train_samples": self.train,
            "val_samples": self.val,
            "seed": self.seed,
            "backups": [change.backup for change in self.changes if change.backup is not None],
        }

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        backups = ", ".join(change.backup for change in self.changes if change.backup) or "none needed"
        return [("dataset", str(self.root)), ("samples", f"{self.train} train, {self.val} val"), ("backups", backups)]


def split_dataset(config: Config) -> SplitReport:
    """Divides the samples of a SegDataset anew; the old lists are kept as `.bak`.

    Raises:
        ConfigError: The percentages do not make 100.
        DatasetError: The lists cannot be read or name no sample.
        UsageError: There is no dataset folder.
    """
    settings = config.CheckDataset.split
    shares = Shares.checked(settings.train_percent, settings.val_percent)
    if config.Global.dataset_dir is None:
        raise UsageError("there is no dataset to divide", hint="set Global.dataset_dir")
    root = find_root(Path(config.Global.dataset_dir))
    lists = scan_lists(root)
    samples = list(dict.fromkeys((sample.image, sample.mask) for sample in (*lists.train, *lists.val)))
    if not samples:
        raise DatasetError("the lists name no sample", lists.findings, path=root)
    parts = divide(samples, shares, settings.seed)
    with transaction(root, "split") as changes:
        for split, part in zip((Split.TRAIN, Split.VAL), parts, strict=True):
            lines = [_line(root, image, mask) for image, mask in part]
            changes.stage(LIST_FILES[split]).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return SplitReport(root, len(parts[0]), len(parts[1]), settings.seed, tuple(changes.changes))


def _line(root: Path, image: Path, mask: Path) -> str:
    names = [path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path) for path in (image, mask)]
    separator = "\t" if any(" " in name for name in names) else " "
    return separator.join(names)
