"""Datasets for instance models: COCO files, and other formats that can be read directly."""

from __future__ import annotations

from pathlib import Path

from segcli.data.changes.settled import read_settled
from segcli.data.files import is_dir
from segcli.data.formats.coco import CocoScan, find_coco_root, scan_coco
from segcli.data.formats.coco_layout import chosen_layout, coco_layouts
from segcli.data.instances import CocoDataset
from segcli.errors import DatasetError
from segcli.findings import Finding, has_errors

LAYOUT = "coco"
"""Layout that instance models are trained on; see `Format.serves`."""


def open_instance_dataset(dataset_dir: Path) -> CocoDataset:
    """Opens a dataset for training or evaluation, after checking its annotation files.

    Raises:
        DatasetError: There is no dataset, its files have errors, or a change of it was interrupted; carries the
            findings.
        BusyError: Another process is changing it.
    """
    dataset, findings = read_settled(dataset_dir, lambda: scan_instance_dataset(dataset_dir))
    if has_errors(findings):
        raise DatasetError(
            "the dataset has faults",
            findings,
            path=dataset_dir,
            hint="Global.mode=check_dataset lists every fault of every file",
        )
    return dataset


def scan_instance_dataset(dataset_dir: Path) -> tuple[CocoDataset, list[Finding]]:
    """Returns the usable part of the dataset and the faults of its files; no image is decoded.

    Raises:
        DatasetError: There is no dataset, or more than one.
    """
    scan = scan_instances(dataset_dir)
    return scan.dataset, list(scan.findings)


def scan_instances(dataset_dir: Path) -> CocoScan:
    """Returns the content of the annotation files of a dataset and their problems; no image is decoded.

    Raises:
        DatasetError: There is no dataset, or more than one.
    """
    layouts = coco_layouts(dataset_dir)
    other = None if layouts else _scan_other(dataset_dir)
    if other is not None:
        return other
    layout = chosen_layout(layouts, dataset_dir)
    root = find_coco_root(dataset_dir) if layout is None else layout.root
    # seen from a folder above, not every file below the root was looked for
    return scan_coco(root, layout if root == dataset_dir else None)


def _scan_other(dataset_dir: Path) -> CocoScan | None:
    """What a dataset of another format holds; None where there is none that can be read directly."""
    if not is_dir(dataset_dir):
        return None
    # COCO data needs none of the other formats, which take a twentieth of a start-up
    from segcli.data.formats.annotated_instances import as_instances
    from segcli.data.formats.table import formats_in

    row = next((row for row, _ in formats_in(dataset_dir) if LAYOUT in row.serves), None)
    return None if row is None else as_instances(row.read(dataset_dir))
