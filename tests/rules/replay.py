"""The replay table's entries: for each rule the smallest dataset that triggers it, and the nearest that does not.

A rule's entry goes into the file of its kind of data (`labelme_cases.py`, `masks_cases.py`, `coco_cases.py`,
`state_cases.py`, `formats_cases.py`); a kind of data is a row of `KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from segcli.data.formats.masks import open_seg_dataset
from segcli.errors import DatasetError
from segcli.findings import Finding
from segcli.steps.check.instance import examine_coco_dataset
from segcli.steps.check.semantic import examine_seg_dataset
from segcli.steps.check.settings import PassSettings
from segcli.steps.convert.command import plan_conversion, read_dataset, transfer_dataset
from tests.coco_folder import make_coco_folder
from tests.labelme_folder import box, convert_config, write_labelme
from tests.seg_folder import make_seg_folder

Look = Callable[[Any, Any], Sequence[Finding]]
Change = Callable[[Any], object]
"""Changes a sound dataset of its kind."""


@dataclass(frozen=True)
class Kind:
    """A kind of data: how a sound dataset is made, and how it is looked at (with the option of an entry)."""

    make: Callable[[Path], Any]
    look: Look


@dataclass(frozen=True)
class Replay:
    """One rule.

    Attributes:
        rule: Its id.
        trigger: Makes the sound dataset one that has the fault.
        near: Makes it one that is as near to the fault as can be without having it; None leaves it sound.
        option: What the dataset is looked at with: `Train.num_classes`, of LabelMe data the model.
        near_option: The same for the other dataset.
        look: Looks at the dataset; None is how all of its kind are looked at.
    """

    rule: str
    trigger: Change
    near: Change | None = None
    option: Any = None
    near_option: Any = None
    look: Look | None = None


def sound_labelme(root: Path) -> Path:
    """Two annotations, each with its image."""
    for seed, name in enumerate("ab", start=1):
        write_labelme(root, name, [box("cat", 4, 4, 20, 20)], seed=seed)
    return root


def sound_of(format_name: str, root: Path) -> Path:
    """The sound COCO dataset in another format."""
    made = make_coco_folder(root.with_name(f"{root.name}_source"))
    transfer_dataset(made.root, root, format_name)
    return root


def _look_any(root: Path, _option: Any) -> Sequence[Finding]:
    dataset = read_dataset(root)
    for image in dataset.images:
        image.read_objects()
    return dataset.findings


def _look_labelme(root: Path, model: Any) -> Sequence[Finding]:
    return plan_conversion(convert_config(root, model or "PP-LiteSeg-T")).findings


def _look_masks(folder: Any, num_classes: Any) -> Sequence[Finding]:
    return examine_seg_dataset(folder.root, num_classes, settings=PassSettings(workers=1)).findings


def _look_coco(folder: Any, num_classes: Any) -> Sequence[Finding]:
    return examine_coco_dataset(folder.root, num_classes, settings=PassSettings(workers=1)).findings


def _look_anywhere(folder: Any, _: Any) -> Sequence[Finding]:
    open_seg_dataset(folder.root)
    return ()


KINDS: dict[str, Kind] = {
    "L": Kind(sound_labelme, _look_labelme),
    "S": Kind(make_seg_folder, _look_masks),
    "C": Kind(make_coco_folder, _look_coco),
    "D": Kind(make_seg_folder, _look_anywhere),
    "Y": Kind(partial(sound_of, "yolo"), _look_any),
    "V": Kind(partial(sound_of, "voc"), _look_any),
    "F": Kind(partial(sound_of, "coco"), _look_any),
}
"""Kinds of data by the letter that their rule ids begin with."""


def looked_at(root: Path, kind: Kind, change: Change | None = None, option: Any = None) -> list[Finding]:
    """What is found in a sound dataset after a change."""
    made = kind.make(root)
    if change is not None:
        change(made)
    try:
        return list(kind.look(made, option))
    except DatasetError as error:
        return list(error.findings)
