"""A command that is killed at any event of its files leaves the old state or the new one, and the way on is open."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from segcli.data.changes.settled import read_settled, require_settled
from segcli.data.changes.transaction import recover
from segcli.data.changes.undo import undo
from segcli.data.files import sha256_of
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.formats.masks import open_seg_dataset
from segcli.data.image import read_mask
from segcli.data.instances import CocoDataset
from segcli.data.samples import SegDataset, SegSample, Split
from segcli.errors import DatasetError, UsageError
from segcli.findings import Finding
from segcli.models.task import Task
from segcli.steps.check.instance import examine_coco_dataset
from segcli.steps.check.semantic import examine_seg_dataset
from segcli.steps.check.settings import PassSettings
from segcli.steps.convert.command import convert_dataset, transfer_dataset
from segcli.steps.fix.command import fix_dataset
from segcli.steps.outline.command import outline
from segcli.steps.split.command import split_dataset
from tests.coco_folder import make_coco_folder
from tests.death import events_of, kill, moments
from tests.files import snapshot
from tests.labelme_folder import box, convert_config, write_labelme
from tests.promptable_weights import promptable_weights
from tests.seg_folder import make_seg_folder
from tests.steps.split.test_masks import config

SEMANTIC, INSTANCE = "PP-LiteSeg-T", "SOLOv2"


@dataclass(frozen=True)
class Scenario:
    """What is made, and what is killed."""

    make: Callable[[Path], object]
    work: Callable[[Path], object]


def make_labelme(root: Path) -> None:
    for seed, name in enumerate("abcd"):
        write_labelme(root, f"annotations/{name}", [box("cat", 4, 4, 20, 20)], image=f"imgs/{name}.png", seed=seed)
    (root / "annotations/a.png").write_bytes(b"mine")
    (root / "annotations/instance_train.json").write_bytes(b"mine")


def convert(model: str) -> Callable[[Path], object]:
    return lambda root: convert_dataset(convert_config(root, model))


def split(model: str, seed: int = 1) -> Callable[[Path], object]:
    return lambda root: split_dataset(config(root, 50, 50, seed=seed, model=model))


def spoil_masks(root: Path) -> None:
    """Repeated lines, an odd encoding and an image under another name."""
    folder = make_seg_folder(root)
    lines = [f"images/{name} annotations/{name[:2].lower()}.png" for name in ("a0.jpg", "A1.JPG", "a0.jpg", "a2.jpg")]
    (root / "train.txt").write_bytes(b"\xef\xbb\xbf" + "\n".join(lines).encode())
    folder.image("a4").write_bytes(folder.image("a3").read_bytes())


def spoil_coco(root: Path) -> None:
    """Boxes as corners, and a file of another name."""
    folder = make_coco_folder(root)
    for content in folder.parts.values():
        for entry in content["annotations"]:
            left, top, width, height = entry["bbox"]
            entry["bbox"] = [left, top, left + width, top + height]
    folder.write()


def fix(task: Task) -> Callable[[Path], object]:
    return lambda root: fix_dataset(root, task)


def spoil_labelme(root: Path) -> None:
    """Images that were made smaller after labelling, and two spellings of a label."""
    make_labelme(root)
    for path in (root / "imgs").iterdir():
        cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path)), None, fx=0.5, fy=0.5))
    write_labelme(root, "annotations/e", [box("Cat", 4, 4, 20, 20)], image="imgs/e.png", seed=9)


def transferred(root: Path, name: str) -> None:
    """A dataset of another format, without a change to be undone."""
    transfer_dataset(make_coco_folder(root.parent / f"{root.name}_coco").root, root, name)
    shutil.rmtree(root / ".segcli")


def spoil_yolo(root: Path) -> None:
    """Pixels instead of shares, and a box."""
    transferred(root, "yolo")
    for path in (root / "labels/train").iterdir():
        path.write_text(path.read_text() + "0 1 1 40 1 40 30\n0 0.5 0.5 0.2 0.2\n")


def spoil_voc(root: Path) -> None:
    """Maps of twice the size of their images."""
    transferred(root, "voc")
    for path in (*(root / "SegmentationClass").iterdir(), *(root / "SegmentationObject").iterdir()):
        cv2.imwrite(str(path), np.repeat(np.repeat(read_mask(path), 2, axis=0), 2, axis=1))


def make_boxes(root: Path) -> None:
    """Rectangles, and a network."""
    for seed, name in enumerate("abcd"):
        shape = {**box("cat", 4, 4, 40, 40), "shape_type": "rectangle", "points": [[10, 5], [40, 40]]}
        write_labelme(root, f"annotations/{name}", [shape], image=f"imgs/{name}.png", seed=seed)
    shutil.copy(promptable_weights("SAM-tiny"), root / "sam.pdparams")


def outline_boxes(root: Path) -> None:
    """A command that refuses where nothing is left to do."""
    try:
        assert outline(root, "SAM-tiny", root / "sam.pdparams").files == 4
    except UsageError:
        assert not any("rectangle" in path.read_text() for path in (root / "annotations").glob("*.json"))


CHANGES = {
    "fix masks": Scenario(spoil_masks, fix(Task.SEMANTIC)),
    "fix coco": Scenario(spoil_coco, fix(Task.INSTANCE)),
    "convert to masks": Scenario(make_labelme, convert(SEMANTIC)),
    "convert to coco": Scenario(make_labelme, convert(INSTANCE)),
    "split masks": Scenario(make_seg_folder, split(SEMANTIC)),
    "split coco": Scenario(make_coco_folder, split(INSTANCE)),
}
OTHERS = {
    "outline": Scenario(make_boxes, outline_boxes),
    "fix labelme": Scenario(spoil_labelme, fix(Task.SEMANTIC)),
    "fix yolo": Scenario(spoil_yolo, fix(Task.INSTANCE)),
    "fix voc": Scenario(spoil_voc, fix(Task.INSTANCE)),
}
ALL = CHANGES | OTHERS


UNFINISHED = "D001"


def _check_masks(root: Path) -> object:
    seen = read_settled(root, lambda: examine_seg_dataset(root, settings=PassSettings(workers=1)))
    return _named(seen.dataset, root), _told(seen.findings, root)


def _check_objects(root: Path) -> object:
    seen = read_settled(root, lambda: examine_coco_dataset(root, settings=PassSettings(workers=1)))
    return _named(seen.scan.dataset, root), _told(seen.findings, root)


def _told(findings: Iterable[Finding], root: Path) -> list[str]:
    return [str(found).replace(str(root), "") for found in findings]


def _named(dataset: SegDataset | CocoDataset, root: Path) -> object:
    """Everything of a dataset, with paths below its folder and the contents of the files."""
    parts = (dataset.samples(split) for split in Split)
    masks = [
        sha256_of(sample.mask) if isinstance(sample, SegSample) else repr(sample.objects)
        for split in Split
        for sample in dataset.samples(split)
    ]
    return dataset.classes.names, repr(list(parts)).replace(str(root), ""), masks


READERS: dict[str, Callable[[Path], object]] = {
    "check masks": _check_masks,
    "check objects": _check_objects,
    "train, evaluate masks": lambda root: _named(open_seg_dataset(root), root),
    "train, evaluate objects": lambda root: _named(open_instance_dataset(root), root),
}
"""How the commands that only read open a dataset: to those of another kind of dataset it is an error in both states."""


def seen_by(read: Callable[[Path], object], root: Path) -> object:
    """What a reader makes of a dataset: all that it reads, its findings, or its error."""
    try:
        return read(root)
    except DatasetError as fault:
        codes = [found.code for found in fault.findings]
        return UNFINISHED if codes == [UNFINISHED] else str(fault).replace(str(root), "")


def every_event(tmp_path: Path, make: Callable[[Path], object], work: Callable[[Path], object], stride: int):
    """A copy of a dataset after each death, the one before the last event included."""
    make(tmp_path / "made")
    root = tmp_path / "data"

    def copied(call: Callable[[Callable[[], object]], int]) -> int:
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(tmp_path / "made", root, symlinks=True)
        return call(lambda: work(root))

    events = copied(events_of)
    assert events >= 20
    for at in moments(events, stride):
        assert copied(lambda command, at=at: kill(command, at)), at
        yield at, root


def kills_of_a_change(tmp_path: Path, scenario: Scenario, stride: int = 1) -> int:
    """Returns the number of kills."""
    kills = 0
    whole = tmp_path / "whole"
    scenario.make(whole)
    old, of_old = snapshot(whole, without=""), {name: seen_by(read, whole) for name, read in READERS.items()}
    scenario.work(whole)
    new, of_new = snapshot(whole), {name: seen_by(read, whole) for name, read in READERS.items()}
    undo(whole)
    assert snapshot(whole, without="") == old
    for at, root in every_event(tmp_path, scenario.make, scenario.work, stride):
        kills += 1
        killed = snapshot(root, without="")
        try:
            require_settled(root)
        except DatasetError as fault:
            assert fault.findings[0].code == "D001"
        else:
            assert snapshot(root) in (old, new), at
        for name, read in READERS.items():
            assert seen_by(read, root) in (of_old[name], of_new[name], UNFINISHED), (name, at)
        assert snapshot(root, without="") == killed  # who looks writes nothing
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(root, copy, symlinks=True)
        recover(copy)
        assert snapshot(copy) in (old, new), at
        scenario.work(root)
        assert snapshot(root) == new, at
        undo(root)
        assert snapshot(root, without="") == old, at
    return kills


def kills_of_an_undo(tmp_path: Path, scenario: Scenario, stride: int = 1) -> int:
    """Two steps are there; however the undo of the second dies, doing it again leaves the first.

    Returns:
        The number of kills.
    """

    def make(root: Path) -> None:
        scenario.make(root)
        scenario.work(root)
        first.append(snapshot(root))
        split(SEMANTIC if (root / "train.txt").exists() else INSTANCE, seed=6)(root)

    first: list[dict[str, bytes | None]] = []
    told, kills = False, 0
    for at, root in every_event(tmp_path, make, undo, stride):
        kills += 1
        done = undo(root)
        assert snapshot(root) == first[0], (at, done)
        assert done.name == "split"
        told = told or bool(done.note)
        assert bool(done.note) == told, at
        undo(root)
        with pytest.raises(UsageError, match="nothing to undo"):
            undo(root)
        assert not (root / ".segcli").exists()
    assert told
    return kills


@pytest.mark.parametrize("name", [name for name in ALL if name != "outline"])  # a second per kill
def test_kills_of_a_change(tmp_path, name):
    kills_of_a_change(tmp_path, ALL[name], stride=13)


@pytest.mark.parametrize("name", CHANGES)
def test_kills_of_an_undo(tmp_path, name):
    kills_of_an_undo(tmp_path, CHANGES[name], stride=5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_every_kill_of_a_change(tmp_path, name):
    kills_of_a_change(tmp_path, ALL[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGES)
def test_every_kill_of_an_undo(tmp_path, name):
    kills_of_an_undo(tmp_path, CHANGES[name])
