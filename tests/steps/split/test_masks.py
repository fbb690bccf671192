"""A SegDataset is divided anew: no sample lost, nothing overwritten, and it can be undone."""

from __future__ import annotations

import pytest

from segcli.config.schema import Config
from segcli.data.formats.masks import scan_seg_dataset
from segcli.data.transaction import undo
from segcli.errors import ConfigError, DatasetError
from segcli.steps.split.command import apply_split, plan_split, split_dataset
from tests.files import snapshot
from tests.seg_folder import make_seg_folder


def config(root, train=80, val=20, seed=0, model="PP-LiteSeg-T"):
    split = {"train_percent": train, "val_percent": val, "seed": seed}
    folder = None if root is None else str(root)
    return Config.model_validate({"Global": {"model": model, "dataset_dir": folder}, "CheckDataset": {"split": split}})


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
    assert (report.plan.train, report.plan.val) == (len(parts[0]), len(parts[1]))


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
    assert report.as_dict() == {
        "train_samples": 5,
        "val_samples": 5,
        "seed": 0,
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
        assert plan.train + plan.val == 4


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
