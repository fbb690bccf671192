"""A SegDataset is divided anew: no sample lost, nothing overwritten, and it can be undone."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from segcli.config.schema import Config
from segcli.data.changes.undo import undo
from segcli.data.formats.masks import class_names_of, find_root, scan_seg_dataset
from segcli.errors import ConfigError, DatasetError, UsageError
from segcli.steps.convert.command import ConvertOptions, transfer_dataset
from segcli.steps.split.command import apply_split, lists_by_hand, plan_split, split_dataset
from tests.files import snapshot
from tests.seg_folder import make_seg_folder


def config(root, train=80, val=20, seed=0, *, model="PP-LiteSeg-T", groups=None, **more):
    split = {"train_percent": train, "val_percent": val, "seed": seed, **more}
    folder = None if root is None else str(root)
    check = {"split": split, "groups": groups or {}}
    return Config.model_validate({"Global": {"model": model, "dataset_dir": folder}, "CheckDataset": check})


def listed(root):
    return [(root / f"{part}.txt").read_text().splitlines() for part in ("train", "val")]


@pytest.fixture
def folder(tmp_path):
    return make_seg_folder(tmp_path / "data", train=7, val=3)


@pytest.mark.parametrize(("total", "percent", "val"), [(45, 90, (4, 5)), (5, 90, (1,)), (5, 50, (2, 3))])
def test_no_sample_is_lost(tmp_path, total, percent, val):
    folder = make_seg_folder(tmp_path / "data", train=total - 1, val=1)
    before = [*listed(folder.root)[0], *listed(folder.root)[1]]
    report = split_dataset(config(folder.root, percent, 100 - percent))
    parts = listed(folder.root)
    assert sorted(parts[0] + parts[1]) == sorted(before)
    assert len(parts[1]) in val
    assert report.plan.samples == {"train": len(parts[0]), "val": len(parts[1])}


def test_old_lists_are_kept_and_come_back(folder):
    before = snapshot(folder.root)
    report = split_dataset(config(folder.root, 50, 50, seed=1))
    assert report.backups == ["train.txt.bak", "val.txt.bak"]
    assert (folder.root / "train.txt.bak").read_bytes() == before["train.txt"]
    split_dataset(config(folder.root, 30, 70, seed=2))
    assert (folder.root / "train.txt.bak").read_bytes() == before["train.txt"]
    assert (folder.root / "train.txt.bak.1").is_file()
    undo(folder.root)
    undo(folder.root)
    assert snapshot(folder.root, without="") == before


def test_the_same_again_writes_nothing(folder):
    split_dataset(config(folder.root, 50, 50, seed=1))
    before = snapshot(folder.root, without="")
    report = split_dataset(config(folder.root, 50, 50, seed=1))
    assert report.changes == ()
    assert snapshot(folder.root, without="") == before
    assert split_dataset(config(folder.root, 50, 50, seed=2)).changes


def test_planning_writes_nothing(folder):
    before = snapshot(folder.root, without="")
    plan = plan_split(config(folder.root, 50, 50))
    assert ("samples", "5 train, 5 val") in plan.summary()
    assert snapshot(folder.root, without="") == before
    report = apply_split(plan)
    values = report.as_dict()
    assert [entry["name"] for entry in values.pop("balance")] == ["_background_", "cat", "dog"]
    assert values == {
        "train_samples": 5,
        "val_samples": 5,
        "seed": 0,
        "stratified": False,
        "written": 2,
        "backups": ["train.txt.bak", "val.txt.bak"],
    }
    assert ("originals", "train.txt.bak, val.txt.bak") in report.summary()


def test_one_list_is_enough(folder):
    (folder.root / "val.txt").unlink()
    split_dataset(config(folder.root))
    assert [len(part) for part in listed(folder.root)] == [6, 1]


def test_masks_of_one_image_stay_together_and_repeated_lines_go(folder):
    lines = ["images/a0.jpg annotations/a0.png", "images/a0.jpg annotations/a1.png"]
    (folder.root / "train.txt").write_text("\n".join([*lines, lines[0], "images/a2.jpg annotations/a2.png"]))
    (folder.root / "val.txt").write_text("images/a3.jpg annotations/a3.png\n")
    for seed in range(6):
        plan = plan_split(config(folder.root, 50, 50, seed=seed))
        assert any(all(line in text for line in lines) for text in plan.files.values())
        assert sum(plan.samples.values()) == 4


def test_names_with_blanks(folder):
    image, mask = folder.image("a0"), folder.mask("a0")
    image.rename(image.with_name("a 0.jpg"))
    (folder.root / "train.txt").write_text(f"images/a 0.jpg\t{mask.relative_to(folder.root)}\n")
    split_dataset(config(folder.root, 50, 50))
    dataset, _ = scan_seg_dataset(folder.root)
    assert "a 0.jpg" in {sample.image.name for sample in (*dataset.train, *dataset.val)}


@pytest.mark.parametrize("line", ["images/gone.jpg annotations/a0.png", "nonsense"])
def test_a_line_that_would_be_lost_stops_the_division(folder, line):
    with (folder.root / "val.txt").open("a") as file:
        file.write(f"{line}\n")
    before = snapshot(folder.root, without="")
    with pytest.raises(DatasetError, match="1 line would be lost") as caught:
        split_dataset(config(folder.root))
    assert len(caught.value.findings) == 1
    assert snapshot(folder.root, without="") == before


def test_no_sample_at_all(folder):
    for part in ("train", "val"):
        folder.write_list(part, [])
    with pytest.raises(DatasetError, match="no sample"):
        split_dataset(config(folder.root))


def test_no_folder_and_no_division(folder, tmp_path):
    with pytest.raises(ConfigError, match="no dataset was given"):
        split_dataset(config(None))
    with pytest.raises(DatasetError, match="no such folder"):
        split_dataset(config(tmp_path / "absent"))
    with pytest.raises(ConfigError, match="do not make 100"):
        split_dataset(config(folder.root, 80, 10))


def names_in(file):
    return {Path(line.split()[0]).stem for line in file.read_text().splitlines()}


def test_a_test_part_is_set_aside_and_stays_until_it_is_divided_anew(folder):
    report = split_dataset(config(folder.root, 60, 20, test_percent=20))
    files = [folder.root / f"{part}.txt" for part in ("train", "val", "test")]
    parts = [names_in(file) for file in files]
    assert [len(part) for part in parts] == [6, 2, 2]
    assert set.union(*parts) == {f"a{number}" for number in range(10)}
    assert report.as_dict()["test_samples"] == 2
    assert {f"{part}_pixels" for part in ("train", "val", "test")} <= report.as_dict()["balance"][0].keys()
    again = split_dataset(config(folder.root, 50, 50, seed=1))
    assert again.plan.samples == {"train": 4, "val": 4}
    assert names_in(files[2]) == parts[2]
    assert again.plan.notes == ("the 2 samples of test.txt stay there",)
    assert split_dataset(config(folder.root, 60, 20, seed=2, test_percent=20)).plan.samples["train"] == 6


def paint(folder, name, class_id, pixels):
    ids = np.zeros((48, 64), np.uint8)
    ids.reshape(-1)[:pixels] = class_id
    cv2.imwrite(str(folder.mask(name)), ids)


def test_stratified_parts_get_their_share_of_every_class(tmp_path):
    folder = make_seg_folder(tmp_path / "data", train=19, val=1)
    for number in range(20):
        paint(folder, f"a{number}", 2 if number % 4 == 0 else 1, 100 + number)
    for seed in range(3):
        plan = plan_split(config(folder.root, 80, 20, seed=seed, stratified=True))
        assert plan.samples == {"train": 16, "val": 4}
        dog = plan.balance.classes["dog"]
        assert (dog["train"].images, dog["val"].images) == (4, 1)
    shown = dict(plan.summary())
    assert shown["method"] == "stratified by class"
    assert shown["class dog"].startswith("train 81 % of the pixels, 4 images; val 19 % of the pixels, 1 image")


@pytest.mark.parametrize("groups", [{"pattern": "a([0-4])"}, {"table": "groups.csv"}])
def test_groups_stay_in_one_part(folder, groups, monkeypatch):
    monkeypatch.chdir(folder.root)
    rows = [f"a{number}.jpg,{'x' if number < 5 else number}" for number in range(10)]
    Path("groups.csv").write_text("\n".join(rows))
    together = {f"a{number}" for number in range(5)}
    if "pattern" in groups:
        groups = {"pattern": "images/(a)[0-4]"}
    for seed in range(4):
        split_dataset(config(folder.root, 50, 50, seed=seed, groups=groups))
        parts = [names_in(folder.root / f"{part}.txt") for part in ("train", "val")]
        assert [len(part) for part in parts] == [5, 5]
        assert together in parts


def test_folds_are_written_beside_the_lists(folder):
    before = snapshot(folder.root)
    report = split_dataset(config(folder.root, None, None, folds=5, stratified=True))
    assert report.plan.samples == {f"fold_{number}": 2 for number in range(1, 6)}
    held = []
    for number in range(1, 6):
        train, val = (names_in(folder.root / f"folds/fold_{number}/{part}.txt") for part in ("train", "val"))
        assert not train & val
        assert len(train | val) == 10
        held += val
    assert sorted(held) == [f"a{number}" for number in range(10)]
    assert {name: data for name, data in snapshot(folder.root).items() if not name.startswith("folds")} == before
    with pytest.raises(UsageError, match="10 images or groups of them cannot be split into 11 folds"):
        split_dataset(config(folder.root, None, None, folds=11))
    undo(folder.root)
    assert snapshot(folder.root, without="") == before


def test_too_few_images_for_the_splits(tmp_path):
    folder = make_seg_folder(tmp_path / "data", train=1, val=0)
    with pytest.raises(UsageError, match="1 image is too few for 2 splits: val would be empty"):
        split_dataset(config(folder.root, 80, 20))


def test_lists_made_by_hand_are_not_replaced_unasked(folder):
    before = snapshot(folder.root)
    assert lists_by_hand(config(folder.root)) == ["train.txt", "val.txt"]
    with pytest.raises(UsageError, match=r"train.txt, val.txt were not written by segcli") as caught:
        split_dataset(config(folder.root, 50, 50, replace=False, stratified=True, seed=4))
    words = f"segcli split {folder.root} --stratified --train-percent 50 --seed 4 --yes"
    assert str(caught.value.hint).startswith(words)
    assert snapshot(folder.root) == before
    split_dataset(config(folder.root, 50, 50))
    assert lists_by_hand(config(folder.root)) == []
    assert split_dataset(config(folder.root, 50, 50, seed=3, replace=False)).changes
    with (folder.root / "val.txt").open("a") as file:
        file.write("images/a0.jpg annotations/a0.png\n")
    assert lists_by_hand(config(folder.root)) == ["val.txt"]
    with pytest.raises(UsageError, match=r"val.txt was not written by segcli"):
        split_dataset(config(folder.root, 50, 50, replace=False))


def test_pascal_voc_keeps_its_class_names(tmp_path):
    root = tmp_path / "voc"
    folder = make_seg_folder(tmp_path / "data", train=3, val=1)
    run_convert(folder.root, root, "voc")
    names = class_names_of(find_root(root))[0].names
    split_dataset(config(root, 50, 50))
    assert class_names_of(find_root(root))[0].names == names
    assert len(scan_seg_dataset(root)[0].val) == 2


def run_convert(source, target, to):
    transfer_dataset(source, target, to, ConvertOptions(allow_lossy=True))


def test_groups_are_counted_and_a_pattern_that_fits_no_name_is_refused(folder):
    split = split_dataset(config(folder.root, 50, 50, groups={"pattern": "a([0-4])"}))
    assert split.plan.notes == ("5 images in 5 groups; 5 images in none",)
    before = snapshot(folder.root)
    with pytest.raises(UsageError, match="no image has a group"):
        split_dataset(config(folder.root, 50, 50, groups={"pattern": "patient"}))
    assert snapshot(folder.root) == before
