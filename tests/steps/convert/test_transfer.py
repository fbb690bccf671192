"""`segcli convert SRC DST --to FORMAT`: refused where something would be lost, and nothing is left behind then."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.data.changes.undo import undo
from segcli.data.formats.table import FORMATS
from segcli.steps.convert.command import ConvertOptions, read_dataset, transfer_dataset
from tests.coco_folder import annotation, make_coco_folder
from tests.files import snapshot
from tests.labelme_folder import box, shape, write_labelme
from tests.round_trip import masks_of

LOSSY = ConvertOptions(allow_lossy=True)


def called(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def coco(tmp_path):
    return make_coco_folder(tmp_path / "coco")


def test_two_parts_of_a_group_are_one_polygon_of_yolo(tmp_path):
    parts = [box("cat", 30, 20, 40, 30, group_id=1), box("cat", 45, 20, 55, 42, group_id=1)]
    write_labelme(tmp_path / "labelme", "a", parts)
    write_labelme(tmp_path / "labelme", "b", parts[:1], seed=1)
    report = transfer_dataset(tmp_path / "labelme", tmp_path / "yolo", "yolo")
    assert not report.written.lost
    assert len(values_in(tmp_path / "yolo")) == 2


def values_in(root):
    return [value for values in masks_of(read_dataset(root)).values() for value in values]


@pytest.mark.parametrize("to", FORMATS)
def test_the_command_writes_a_dataset_that_passes_the_check(coco, tmp_path, to):
    run = called("convert", coco.root, tmp_path / "new", "--to", to, "--output", tmp_path / "reports")
    assert run.exit_code == 0, run.output
    result = json.loads((tmp_path / "reports/convert_result.json").read_text(encoding="utf-8"))
    assert (result["done_flag"], result["target_format"], result["losses"]["counts"]) == (True, to, {})
    if to != "labelme":
        run = called("check", tmp_path / "new", "--output", tmp_path / "check")
        assert run.exit_code == 0, run.output
    undo(tmp_path / "new")
    assert snapshot(tmp_path / "new") == {}


@pytest.mark.parametrize(("to", "lost"), [("yolo", True), ("voc", True), ("masks", True), ("labelme", False)])
def test_a_crowd_is_kept_or_the_conversion_refused(coco, tmp_path, to, lost):
    coco.entry("train")["iscrowd"] = 1
    coco.entry("val")["ignore"] = 1
    coco.write()
    run = called("convert", coco.root, tmp_path / "new", "--to", to)
    assert run.exit_code == (3 if lost else 0), run.output
    if lost:
        assert "the mark iscrowd" in " ".join(run.output.split())
        assert not (tmp_path / "new").exists()
        report = transfer_dataset(coco.root, tmp_path / "new", to, LOSSY)
        assert report.written.lost["the mark iscrowd"] == 1
        assert report.as_dict()["losses"]["objects"][0]["mask_iou"] == 1.0
    else:
        assert transfer_dataset(tmp_path / "new", tmp_path / "back", "coco").losses == ()
        marks = [value[2:] for value in values_in(tmp_path / "back")]
        assert marks.count((True, False)) == marks.count((False, True)) == 1


def test_objects_that_share_pixels_are_told_with_what_is_left_of_them(coco, tmp_path):
    coco.parts["train"]["annotations"].append(annotation(50, 0, 7, [14.0, 4.0, 20.0, 12.0]))
    coco.write()
    for to in ("voc", "masks"):
        (loss,) = transfer_dataset(coco.root, tmp_path / to, to, LOSSY).losses
        assert (loss.place, loss.iou) == ("annotation 1", 0.5)
    assert transfer_dataset(coco.root, tmp_path / "yolo", "yolo").losses == ()


def test_ignored_regions_are_kept_by_formats_that_have_them(tmp_path):
    for number in range(5):
        shapes = [box("cat", 4, 4, 20, 20), box("__ignore__", 30, 10, 50, 40)]
        write_labelme(tmp_path / "data", f"p{number}", shapes, seed=number)
    for to in ("masks", "voc"):
        transfer_dataset(tmp_path / "data", tmp_path / to, to)
        back = transfer_dataset(tmp_path / to, tmp_path / f"{to}_back", "labelme")
        assert back.plan.classes == ("cat",)
        labels = [value[0] for value in values_in(tmp_path / f"{to}_back")]
        assert (labels.count("cat"), labels.count("__ignore__")) == (5, 5)
    assert called("convert", tmp_path / "data", tmp_path / "yolo", "--to", "yolo").exit_code == 3
    assert not (tmp_path / "yolo").exists()


def test_a_faulty_shape_stops_all_or_is_left_out_and_listed(tmp_path):
    for number in range(5):
        write_labelme(tmp_path / "data", f"p{number}", [box("cat", 4, 4, 20, 20)], seed=number)
    write_labelme(tmp_path / "data", "p0", [box("cat", 4, 4, 20, 20), shape("cat", (1, 1), (2, 2))])
    run = called("convert", tmp_path / "data", tmp_path / "new", "--to", "coco")
    assert run.exit_code == 3
    assert "--skip-faulty" in run.output
    in_place = ("convert", tmp_path / "data", "--task", "instance", "--output", tmp_path / "out")
    run = called(*in_place)
    assert run.exit_code == 3 and "--skip-faulty" in run.output
    run = called(*in_place, "--skip-faulty", "--dry-run")
    assert run.exit_code == 0 and "L103 warning" in run.output, run.output
    run = called("convert", tmp_path / "data", tmp_path / "new", "--to", "coco", "--skip-faulty")
    assert run.exit_code == 0, run.output
    words = " ".join(run.output.split())
    assert "left out" in words and "skipped 1 with a fault" in words
    assert len(values_in(tmp_path / "new")) == 5


def test_a_folder_with_files_is_not_written_into(coco, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new/mine.txt").write_text("mine")
    run = called("convert", coco.root, tmp_path / "new", "--to", "yolo")
    assert (run.exit_code, [path.name for path in (tmp_path / "new").iterdir()]) == (2, ["mine.txt"])


@pytest.mark.parametrize("words", [("--to", "coco"), ("NEW",), ("NEW", "--to", "kitti")])
def test_what_is_not_given_or_not_known_is_said(coco, words):
    run = called("convert", coco.root, *words)
    assert run.exit_code == 2
    assert "formats: " in " ".join(run.output.split())


def test_the_plan_says_what_would_be_lost_and_writes_nothing(coco, tmp_path):
    coco.entry("train")["iscrowd"] = 1
    coco.write()
    run = called("convert", coco.root, tmp_path / "new", "--to", "yolo", "--dry-run")
    assert run.exit_code == 3
    assert "the mark iscrowd: 1" in run.output
    assert not (tmp_path / "new").exists()
