"""`segcli.check`, `segcli.convert`, `segcli.fix`, `segcli.split`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from segcli.api.calls import Overrides, StrPath, Task, as_text, loaded, named_task, of_dataset, run, to_check

if TYPE_CHECKING:
    from segcli.steps.check.result import CheckResult
    from segcli.steps.convert.plan import ConvertReport
    from segcli.steps.fix.plan import FixReport
    from segcli.steps.split.plan import SplitReport


def check(
    dataset: StrPath | None = None,
    *,
    select: Sequence[str] | None = None,
    ignore: Sequence[str] | None = None,
    strict: bool | None = None,
    sarif: StrPath | None = None,
    with_model: StrPath | None = None,
    quick: bool | None = None,
    reuse: bool | None = None,
    task: Task | None = None,
    model: str | None = None,
    output: StrPath | None = None,
    config: StrPath | None = None,
    overrides: Overrides | None = None,
) -> CheckResult:
    """Checks every image and label of a dataset; faults of the data are in the result, not raised.

    Args:
        dataset: Folder of the dataset.
        select: Report these rules only, by id or its beginning, e.g. ``["S2", "C101"]``.
        ignore: Leave these rules out, likewise.
        strict: Whether a warning makes the dataset invalid too.
        sarif: File for the findings in SARIF's form.
        with_model: Folder of an exported model; labels are ranked by how much it doubts them.
        quick: Whether to decode some images of each split only, and to read the headers of the others.
        reuse: Whether files that have not changed since the last check into the same output are not decoded again,
            by the manifest in `output`; None is true.
        task: What the labels are for; None is what the folder holds.
        model: The model whose task and classes count; None is one of the task.
        output: Folder for the report; None is ``output``.
        config: YAML in PaddleX's structure.
        overrides: Further keys of the configuration.

    Raises:
        ConfigError: An argument is wrong.
        DatasetError: There is no dataset.

    >>> import segcli
    >>> _ = segcli.convert("data")
    >>> result = segcli.check("data")
    >>> result.valid, result.classes.names
    (True, ('_background_', 'leaf', 'tile', 'coin'))
    """
    values = {
        "CheckDataset.select": ("select", select),
        "CheckDataset.ignore": ("ignore", ignore),
        "CheckDataset.strict": ("strict", strict),
        "CheckDataset.sarif": ("sarif", as_text(sarif)),
        "CheckDataset.with_model": ("with_model", as_text(with_model)),
        "CheckDataset.quick": ("quick", quick),
        "CheckDataset.reuse": ("reuse", reuse),
        **of_dataset(dataset, model, output),
    }
    return cast("CheckResult", run("check_dataset", config, values, overrides, to_check(dataset, task, config)))


def convert(
    dataset: StrPath | None = None,
    target: StrPath | None = None,
    to: str | None = None,
    *,
    allow_lossy: bool = False,
    skip_faulty: bool = False,
    task: Task | None = None,
    config: StrPath | None = None,
    overrides: Overrides | None = None,
) -> ConvertReport:
    """Converts a dataset of any format into a new folder, or a LabelMe dataset in place.

    Args:
        dataset: Folder of the dataset.
        target: A new folder; None converts LabelMe data where they are, and keeps what it replaces as ``.bak``.
        to: Format in the new folder: ``coco``, ``labelme``, ``masks``, ``yolo``, ``voc``.
        allow_lossy: Whether to write what the new format cannot say in full.
        skip_faulty: Whether to leave out single faulty objects and files, and list them.
        task: In place: masks for ``semantic`` (the default), COCO for ``instance``.
        config: In place: YAML in PaddleX's structure.
        overrides: In place: further keys of the configuration.

    Raises:
        UsageError: There is no such folder or format, or the target is not empty.
        DatasetError: The dataset has faults; nothing was written, and every fault is listed.
        BusyError: Another process changes the dataset.

    >>> import segcli
    >>> segcli.convert("data", "as_coco", to="coco").made["objects"]
    17
    """
    from segcli.steps.convert.command import ConvertOptions, convert_dataset, transfer_dataset

    if (target is None) != (to is None):
        from segcli.errors import UsageError

        raise UsageError("a conversion into a new folder needs `target` and `to`", hint='to="coco", for example')
    if target is not None and to is not None:
        options = ConvertOptions(allow_lossy=allow_lossy, skip_faulty=skip_faulty)
        return transfer_dataset(Path(dataset or "."), Path(target), to, options)
    values = {
        "CheckDataset.convert.enable": ("convert", True),
        "CheckDataset.convert.src_dataset_type": ("convert", "LabelMe"),
        "CheckDataset.convert.skip_faulty": ("convert", skip_faulty),
        **of_dataset(dataset, None, None),
    }
    return convert_dataset(loaded("check_dataset", config, values, overrides, to_check(dataset, task, config)))


def fix(
    dataset: StrPath = ".",
    *,
    select: Sequence[str] = (),
    task: Task | None = None,
    num_classes: int | None = None,
) -> FixReport:
    """Repairs what a check finds and a program can repair; ``segcli undo`` takes it back to the byte.

    Args:
        dataset: Folder of the dataset.
        select: Repair these rules only, by id or its beginning, e.g. ``["S302", "C1"]``.
        task: What the labels are for; None is what the folder holds.
        num_classes: Number of classes, where the dataset does not name them.

    Raises:
        UsageError: There is no such rule, or it has no repair.
        DatasetError: There is no dataset.
        BusyError: Another process changes the dataset.

    >>> import segcli
    >>> _ = segcli.convert("data")
    >>> segcli.fix("data").changes
    ()
    """
    from segcli.implied import task_in
    from segcli.steps.fix.command import fix_dataset

    folder = Path(dataset)
    return fix_dataset(folder, task_in(folder, named_task(task)), num_classes=num_classes, select=select)


def split(
    dataset: StrPath | None = None,
    *,
    train_percent: int | None = None,
    test_percent: int = 0,
    stratified: bool | None = None,
    folds: int | None = None,
    replace: bool = False,
    seed: int = 0,
    task: Task | None = None,
    config: StrPath | None = None,
    overrides: Overrides | None = None,
) -> SplitReport:
    """Splits a dataset anew into train, val and test, or into folds; the old lists are kept as ``.bak``.

    Args:
        dataset: Folder of the dataset.
        train_percent: Share of the training split, 1 to 99; None is 80 less that of the test split.
        test_percent: Share of a test split, set aside.
        stratified: Whether to give each split its share of every class.
        folds: Write this number of folds into ``folds/`` instead.
        replace: Whether lists that segcli did not write may be replaced.
        seed: Seed of the shuffle.
        task: What the labels are for; None is what the folder holds.
        config: YAML in PaddleX's structure.
        overrides: Further keys of the configuration.

    Raises:
        ConfigError: An argument is wrong.
        DatasetError: The dataset cannot be split without loss.
        BusyError: Another process changes the dataset.

    >>> import segcli
    >>> _ = segcli.convert("data")
    >>> report = segcli.split("data", train_percent=60)
    >>> dict(report.plan.summary())["samples"]
    '3 train, 2 val'
    """
    from segcli.steps.split.command import split_dataset

    train = max(80 - test_percent, 1) if train_percent is None else train_percent
    shares = {"train": train, "val": 100 - train - test_percent, "test": test_percent}
    values = {
        "CheckDataset.split.enable": ("split", True),
        "CheckDataset.split.stratified": ("stratified", stratified),
        "CheckDataset.split.folds": ("folds", folds),
        "CheckDataset.split.replace": ("replace", replace),
        "CheckDataset.split.seed": ("seed", seed),
        **(
            {f"CheckDataset.split.{part}_percent": (f"{part}_percent", share) for part, share in shares.items()}
            if folds is None
            else {}
        ),
        **of_dataset(dataset, None, None),
    }
    return split_dataset(loaded("check_dataset", config, values, overrides, to_check(dataset, task, config)))
