"""A conversion or division that dies leaves the old state or the new one."""

from __future__ import annotations

import pytest

from segcli.data.changes.transaction import recover
from segcli.data.changes.undo import undo
from segcli.steps.convert.command import convert_dataset
from segcli.steps.split.command import split_dataset
from tests.coco_folder import make_coco_folder
from tests.death import calls_of, die
from tests.files import snapshot
from tests.labelme_folder import box, convert_config, write_labelme
from tests.seg_folder import make_seg_folder
from tests.steps.split.test_masks import config


@pytest.fixture
def labelme(tmp_path):
    write_labelme(tmp_path, "annotations/a", [box("cat", 4, 4, 20, 20)], image="imgs/a.png")
    (tmp_path / "annotations/a.png").write_bytes(b"mine")
    (tmp_path / "annotations/instance_train.json").write_bytes(b"mine")
    return tmp_path


@pytest.mark.parametrize("model", ["PP-LiteSeg-T", "SOLOv2"])
def test_conversion(labelme, monkeypatch, model):
    survives(labelme, lambda: convert_dataset(convert_config(labelme, model)), monkeypatch)


@pytest.mark.parametrize(("make", "model"), [(make_seg_folder, "PP-LiteSeg-T"), (make_coco_folder, "SOLOv2")])
def test_division(tmp_path, monkeypatch, make, model):
    root = make(tmp_path / "data").root
    survives(root, lambda: split_dataset(config(root, 50, 50, seed=1, model=model)), monkeypatch)


def survives(root, work, monkeypatch):
    old = snapshot(root, without="")
    steps = calls_of(work, monkeypatch)
    new = snapshot(root)
    assert {path for path in new if ".bak" in path}
    undo(root)
    for at in range(1, steps + 1):
        assert die(work, monkeypatch, at)
        if at % 2:
            recover(root)
            assert snapshot(root) in (old, new), at
        work()  # the next run recovers by itself
        assert {path for path in snapshot(root) if not path.endswith(".bak.1")} == set(new), at
        undo(root)
        if snapshot(root) == new:
            undo(root)
        assert snapshot(root, without="") == old, at
