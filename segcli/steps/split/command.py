"""`split`: splits the images of a dataset again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote

from segcli.config.schema import Config
from segcli.data.changes.journal import signature, steps
from segcli.data.changes.settled import dataset_root, read_settled
from segcli.data.changes.transaction import changing, transaction
from segcli.data.files import is_file, sha256_of
from segcli.data.formats.coco import find_coco_root
from segcli.data.formats.masks import find_root
from segcli.errors import UsageError
from segcli.models.names import MODEL_TASKS
from segcli.steps.split import coco, masks
from segcli.steps.split.plan import SplitPlan, SplitReport
from segcli.steps.split.request import SPLITS, SplitRequest
from segcli.tasks import TASKS


@dataclass(frozen=True)
class Layout:
    """How a dataset of one layout is split.

    Attributes:
        find: Finds the folder of the dataset.
        plan: Plans the split; nothing is written.
        files: Name of the list or annotation file of each split.
    """

    find: Callable[[Path], Path]
    plan: Callable[[Path, SplitRequest], SplitPlan]
    files: Mapping[str, str]


LAYOUTS = {
    "masks": Layout(find_root, masks.plan_masks, masks.FILES),
    "coco": Layout(find_coco_root, coco.plan_coco, coco.FILES),
}


def plan_split(config: Config) -> SplitPlan:
    """Plans the split that a configuration requests; writes nothing.

    Raises:
        ConfigError: No dataset was given, or the percentages do not add up to 100.
        DatasetError: The dataset cannot be split without loss, or an earlier change of it was interrupted.
        UsageError: There are fewer images, or groups of them, than splits.
        BusyError: Another process is changing the dataset.
    """
    layout = _layout(config)
    dataset_dir: Path = config.Global.dataset
    request = SplitRequest.of(config.CheckDataset)

    def read() -> SplitPlan:
        plan = layout.plan(dataset_dir, request)
        return replace(plan, seen=signature(plan.root))

    return read_settled(dataset_dir, read)


def lists_by_hand(config: Config) -> list[str]:
    """Lists or annotation files of splits that segcli did not write, or that were edited later.

    Raises:
        ConfigError: No dataset was given.
        DatasetError: There is no dataset, or a journal is damaged.
    """
    layout = _layout(config)
    root = dataset_root(config.Global.dataset, layout.find)
    split = config.CheckDataset.split
    chosen: tuple[str, ...] = () if split.folds else SPLITS if split.test_percent else SPLITS[:2]
    names = layout.files
    mine = {(change.target, change.digest) for step in steps(root) for change in step.changes}
    there = [names[name] for name in chosen if is_file(root / names[name])]
    return [name for name in there if (name, sha256_of(root / name)) not in mine]


def apply_split(plan: SplitPlan) -> SplitReport:
    """Writes a split, whole or not at all; the old files are kept as `.bak`.

    `segcli.data.changes.undo.undo` reverts it.

    Raises:
        BusyError: Another process changes the dataset, or has changed it since the plan was made.
    """
    with transaction(plan.root, "split", plan.seen) as changes:
        for name, content in plan.files.items():
            changes.stage(name).write_text(content, encoding="utf-8")
    return SplitReport(plan, tuple(changes.changes))


def split_dataset(config: Config) -> SplitReport:
    """Splits the dataset of a configuration again; see `plan_split` for further errors.

    Raises:
        UsageError: Lists would be replaced that segcli did not write, and `split.replace` is false.
    """
    root = dataset_root(config.Global.dataset, _layout(config).find)
    with changing(root, "segcli split"):
        plan = plan_split(config)
        if not config.CheckDataset.split.replace:
            kept = [name for name in lists_by_hand(config) if name in plan.files and _differs(root / name, plan)]
            if kept:
                verb = "was" if len(kept) == 1 else "were"
                message = f"{', '.join(kept)} {verb} not written by segcli; nothing was split"
                hint = f"{_typed(config)} --yes replaces it and keeps a copy as .bak"
                raise UsageError(message, path=root, hint=hint)
        return apply_split(plan)


def _typed(config: Config) -> str:
    """The command of a split with the options that differ from the usual ones."""
    split, groups = config.CheckDataset.split, config.CheckDataset.groups
    usual_train = max(80 - split.test_percent, 1)
    options: dict[str, object] = {
        "--train-percent": split.train_percent if split.train_percent != usual_train else None,
        "--test-percent": split.test_percent or None,
        "--folds": split.folds,
        "--group-pattern": groups.pattern,
        "--group-table": groups.table,
        "--seed": split.seed or None,
    }
    flags = {"--stratified": split.stratified, "--by-folder": groups.by_folder}
    words = ["segcli", "split", str(config.Global.dataset), *(name for name, wanted in flags.items() if wanted)]
    for name, value in options.items():
        words += [] if value is None else [name, str(value)]
    return " ".join(quote(word) for word in words)


def _layout(config: Config) -> Layout:
    return LAYOUTS[TASKS[MODEL_TASKS[config.Global.model]].layout]


def _differs(path: Path, plan: SplitPlan) -> bool:
    return path.read_bytes() != plan.files[path.relative_to(plan.root).as_posix()].encode()
