"""`convert`: converts a dataset from one format to another, into a new folder or, for LabelMe, in place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from segcli.config.schema import CheckDatasetConfig, Config
from segcli.cpu import reuse_memory
from segcli.data.changes.journal import FOLDER, signature, steps
from segcli.data.changes.settled import dataset_root, read_settled, unreadable_findings
from segcli.data.changes.transaction import changing, transaction
from segcli.data.dataset_folder import require_source
from segcli.data.files import exists, is_dir
from segcli.data.formats.annotated import AnnotatedDataset
from segcli.data.formats.format import Brush, Format
from segcli.data.formats.labelme_dataset import find_labelme_root
from segcli.data.formats.labelme_outlines import outline_findings
from segcli.data.formats.other_tools import refuse_other_tools
from segcli.data.formats.table import format_named, formats_in
from segcli.errors import DatasetError, UsageError
from segcli.findings import Finding
from segcli.garbage import collecting_rarely
from segcli.models.names import MODEL_TASKS
from segcli.plurals import counted
from segcli.progress import working
from segcli.rules import finding
from segcli.rules.repair_hints import with_repairs
from segcli.steps.convert.images import place_images
from segcli.steps.convert.plan import ConversionPlan, ConvertReport, left_out, loss_findings, skipped
from segcli.tasks import TASKS

SOURCE = "labelme"
"""The format that PaddleX's configuration keys convert from."""

SKIP_HINT = "--skip-faulty (CheckDataset.convert.skip_faulty=True) leaves them out and lists them"


@dataclass(frozen=True)
class ConvertOptions:
    """How to convert.

    Attributes:
        settings: Line width, point size and split.
        allow_lossy: Whether to convert although the target cannot represent everything. In place this is always
            allowed, as in PaddleX's converters, and what is left out is reported.
        skip_faulty: Whether to leave out faulty objects and files and report them as warnings.
    """

    settings: CheckDatasetConfig = field(default_factory=CheckDatasetConfig)
    allow_lossy: bool = False
    skip_faulty: bool = False


@collecting_rarely()
def plan_conversion(config: Config) -> ConversionPlan:
    """Plans and checks a conversion in place; writes nothing.

    Raises:
        ConfigError: The configuration names no dataset.
        UsageError: There is no such folder.
        DatasetError: An earlier change of the dataset was interrupted.
        BusyError: Another process is changing it.
    """
    target = format_named(TASKS[MODEL_TASKS[config.Global.model]].layout)
    settings = config.CheckDataset
    options = ConvertOptions(settings, allow_lossy=True, skip_faulty=settings.convert.skip_faulty)

    def read() -> ConversionPlan:
        with working("reading"):
            dataset = format_named(SOURCE).read(folder)
            dataset = replace(dataset, findings=(*dataset.findings, *outline_findings(dataset)))
        plan = _plan(dataset, target, dataset.root, options)
        return replace(plan, seen=signature(dataset.root))

    folder = _folder(config)
    return read_settled(folder, read)


@collecting_rarely()
def plan_transfer(source: Path, target_dir: Path, to: str, options: ConvertOptions | None = None) -> ConversionPlan:
    """Plans and checks a conversion into a new folder; writes nothing.

    Args:
        source: Folder of a dataset of any format, or one above it.
        target_dir: A folder that is empty or does not exist.
        to: Name of the target's format.
        options: How to convert.

    Raises:
        UsageError: The folder does not exist, the target is not empty, or there is no such format.
        DatasetError: The folder holds no dataset of a known format.
    """
    target = format_named(to)
    if not any(step.is_open for step in steps(target_dir)):  # else it is what a killed conversion left
        _refuse_taken(target_dir)
    chosen = options or ConvertOptions()
    return read_settled(source, lambda: _plan(read_dataset(source), target, target_dir, chosen))


def read_dataset(source: Path) -> AnnotatedDataset:
    """Reads the dataset in a folder, whatever its format.

    Raises:
        UsageError: There is no such folder.
        DatasetError: It holds no dataset of a known format (F001), or annotations of another tool (F002).
    """
    require_source(source)
    for row, _ in formats_in(source):
        with working("reading"):
            dataset = row.read(source)
            return replace(dataset, findings=with_repairs(dataset.findings, dataset.root))
    refuse_other_tools(source)
    fault = finding("F001", str(source), "holds no dataset of a known format")
    raise DatasetError(fault.message, [fault], path=source, hint=fault.hint)


@collecting_rarely()
def apply_conversion(plan: ConversionPlan) -> ConvertReport:
    """Applies a plan, completely or not at all; `segcli.data.changes.undo.undo` reverts it.

    Raises:
        DatasetError: The plan has faults, or the conversion is lossy and `allow_lossy` is false; nothing was written.
        BusyError: Another process changes the dataset, or has changed it since the plan was made.
    """
    reuse_memory()
    if plan.errors:
        skippable = all(found.code in plan.skippable for found in plan.errors)
        raise DatasetError(
            f"{counted(len(plan.errors), 'fault')}; nothing was converted",
            plan.findings,
            path=plan.dataset.root,
            hint=SKIP_HINT if skippable else None,
        )
    with _made(plan), transaction(plan.root, "convert", plan.seen) as changes:
        written = plan.stage(changes)
        if written.lost and not plan.allow_lossy:
            raise DatasetError(
                f"{plan.target.title} cannot represent {counted(written.lost.total(), 'label')}; nothing was converted",
                loss_findings(written),
                path=plan.dataset.root,
                hint="--allow-lossy writes the rest, and lists what is lost",
            )
    return ConvertReport(plan, written, tuple(changes.changes))


@contextmanager
def _made(plan: ConversionPlan) -> Iterator[None]:
    """The folder of a result, locked; a new one that is empty when the block fails is removed again."""
    with _folder_of_result(plan.root), changing(plan.root, "segcli convert"):
        if plan.root != plan.dataset.root:  # what a killed conversion had left is rolled back by now
            _refuse_taken(plan.root)
        yield


@contextmanager
def _folder_of_result(root: Path) -> Iterator[None]:
    """Creates the folder of a result; removes it again if the block fails and it is empty."""
    is_new = not exists(root)
    root.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        if is_new:
            with suppress(OSError):  # not empty: another program wrote into it
                root.rmdir()
        raise


def convert_dataset(config: Config) -> ConvertReport:
    """Converts the dataset of a configuration in place; replaced files are kept as `.bak`.

    Raises:
        DatasetError: Something in the dataset is wrong; nothing was written, and every fault is listed.
        ConfigError: The configuration names no dataset.
        UsageError: There is no such folder.
        BusyError: Another process changes the dataset; nothing was done.
    """
    with changing(dataset_root(_folder(config), find_labelme_root), "segcli convert"):
        return apply_conversion(plan_conversion(config))


def _folder(config: Config) -> Path:
    folder = config.Global.dataset
    require_source(folder)
    return folder


def transfer_dataset(source: Path, target_dir: Path, to: str, options: ConvertOptions | None = None) -> ConvertReport:
    """Converts a dataset of any format into a new folder; see `plan_transfer` and `apply_conversion` for the errors."""
    return apply_conversion(plan_transfer(source, target_dir, to, options))


def _plan(dataset: AnnotatedDataset, target: Format, root: Path, options: ConvertOptions) -> ConversionPlan:
    settings = options.settings
    findings = [*dataset.findings, *_class_findings(dataset, target), *unreadable_findings(dataset.root)]
    placed_images, faults = place_images(dataset, settings, in_place=root == dataset.root)
    findings += [*faults, *left_out(placed_images, dataset, target)]
    if options.skip_faulty:
        findings = [skipped(found, format_named(dataset.format).skippable) for found in findings]
    return ConversionPlan(
        dataset=dataset,
        target=target,
        root=root,
        placed_images=placed_images,
        findings=with_repairs(findings, dataset.root),
        brush=Brush(settings.convert.line_width, settings.convert.point_size),
        allow_lossy=options.allow_lossy,
    )


def _class_findings(dataset: AnnotatedDataset, target: Format) -> list[Finding]:
    count = len(dataset.classes)
    if target.most_classes is None or count <= target.most_classes:
        return []
    return [finding("L304", str(dataset.root), f"there are {count} labels")]


def _refuse_taken(folder: Path) -> None:
    if exists(folder) and (not is_dir(folder) or any(path.name != FOLDER for path in folder.iterdir())):
        raise UsageError("is not empty", path=folder, hint="name a folder that is empty or does not exist")
