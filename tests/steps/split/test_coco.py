"""COCO data are divided anew by their images: nothing is lost, ids stay unique, other keys stay."""

from __future__ import annotations

import json
import shlex
import shutil

import pytest
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.data.changes.undo import undo
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.errors import DatasetError
from segcli.steps.convert.command import transfer_dataset
from segcli.steps.split.command import lists_by_hand, plan_split, split_dataset
from tests.coco_folder import CATEGORIES, annotation, make_coco_folder
from tests.files import snapshot
from tests.steps.split.test_masks import config


def divided(root, train=50, val=50, seed=0):
    report = split_dataset(config(root, train, val, seed, model="SOLOv2"))
    return report, *contents(root)


def contents(root):
    return [json.loads((root / f"annotations/instance_{part}.json").read_text()) for part in ("train", "val")]


def objects(*parts):
    """Every annotation by the names of its image and category, without its ids."""
    found = []
    for part in parts:
        files = {entry["id"]: entry["file_name"] for entry in part["images"]}
        names = {entry["id"]: entry["name"] for entry in part["categories"]}
        for entry in part["annotations"]:
            rest = {key: value for key, value in entry.items() if key not in ("id", "image_id", "category_id")}
            found.append((files[entry["image_id"]], names[entry["category_id"]], json.dumps(rest)))
    return sorted(found)


@pytest.fixture
def folder(tmp_path):
    return make_coco_folder(tmp_path / "data", train=6, val=4)


@pytest.mark.parametrize(("total", "percent", "val"), [(45, 90, (4, 5)), (5, 90, (1,)), (5, 50, (2, 3))])
def test_no_image_or_annotation_is_lost(tmp_path, total, percent, val):
    folder = make_coco_folder(tmp_path / "data", train=total - 1, val=1)
    before = objects(*folder.parts.values())
    report, *parts = divided(folder.root, percent, 100 - percent)
    assert objects(*parts) == before
    assert len(parts[1]["images"]) in val
    values = report.plan.as_dict()
    assert [entry["name"] for entry in values.pop("balance")] == ["кот", "dog"]
    assert values == {
        "stratified": False,
        "train_samples": len(parts[0]["images"]),
        "val_samples": len(parts[1]["images"]),
        "seed": 0,
        "train_annotations": len(parts[0]["annotations"]),
        "val_annotations": len(parts[1]["annotations"]),
    }


@pytest.mark.parametrize("key", ["images", "annotations"])
def test_ids_that_both_files_use_are_given_anew(folder, key):
    before = [{entry["id"] for entry in part[key]} for part in folder.parts.values()]
    assert before[0] & before[1]
    _, *parts = divided(folder.root)
    ids = [entry["id"] for part in parts for entry in part[key]]
    assert len(set(ids)) == len(ids) == len(before[0]) + len(before[1])
    assert before[0] <= set(ids)


def test_ids_that_differ_stay(folder):
    for entry in folder.parts["val"]["images"]:
        entry["id"] += 100
    for entry in folder.parts["val"]["annotations"]:
        entry["id"], entry["image_id"] = entry["id"] + 1000, entry["image_id"] + 100
    folder.write()
    _, *parts = divided(folder.root)
    for key in ("images", "annotations"):
        before = {json.dumps(entry) for part in folder.parts.values() for entry in part[key]}
        assert {json.dumps(entry) for part in parts for entry in part[key]} == before


def test_the_result_is_a_valid_dataset_and_can_be_undone(folder):
    before = snapshot(folder.root)
    report, *_ = divided(folder.root)
    assert report.backups == ["annotations/instance_train.json.bak", "annotations/instance_val.json.bak"]
    assert len(open_instance_dataset(folder.root).train) == 5
    undo(folder.root)
    assert snapshot(folder.root, without="") == before


def test_the_same_again_writes_nothing(folder):
    divided(folder.root, seed=1)
    assert divided(folder.root, seed=1)[0].changes == ()
    assert divided(folder.root, seed=2)[0].changes


def test_categories_are_matched_by_name(folder):
    val = folder.parts["val"]
    val["categories"] = [{"id": 3, "name": "dog"}, {"id": 7, "name": "кот"}, {"id": 9, "name": "ant", "extra": 1}]
    for entry in val["annotations"]:
        entry["category_id"] = {3: 7, 7: 3}[entry["category_id"]]
    val["annotations"].append(annotation(99, 0, 9, [1.0, 1.0, 5.0, 5.0]))
    folder.write()
    before = objects(*folder.parts.values())
    _, *parts = divided(folder.root)
    assert objects(*parts) == before
    expected = [*CATEGORIES, {"id": 9, "name": "ant", "extra": 1}]
    assert [part["categories"] for part in parts] == [expected, expected]


def test_two_names_under_one_id_are_refused(folder):
    folder.parts["val"]["categories"][0]["name"] = "ant"
    folder.write()
    before = snapshot(folder.root, without="")
    with pytest.raises(DatasetError, match=r"category id 3 is 'ant' here and 'кот' in the other file"):
        divided(folder.root)
    assert snapshot(folder.root, without="") == before


def test_all_other_keys_stay(folder):
    train, val = folder.parts["train"], folder.parts["val"]
    train |= {"info": {"year": 1}, "licenses": [{"id": 1}, {"id": 2}], "only_train": "x"}
    val |= {"info": {"year": 2}, "licenses": [{"id": 2}, {"id": 3}], "only_val": [1]}
    train["images"][0]["license"] = 1
    folder.write()
    _, new_train, new_val = divided(folder.root)
    assert (new_train["info"], new_val["info"]) == ({"year": 1}, {"year": 2})
    assert new_train["licenses"] == [{"id": 1}, {"id": 2}, {"id": 3}]
    assert sorted(entry["id"] for entry in new_val["licenses"]) == [1, 2, 3]
    for part in (new_train, new_val):
        assert (part["only_train"], part["only_val"]) == ("x", [1])
    assert sum("license" in entry for part in (new_train, new_val) for entry in part["images"]) == 1


def test_entries_of_one_image_stay_together(folder):
    folder.parts["val"]["images"][0]["file_name"] = "a0.png"
    folder.parts["val"]["annotations"][0]["note"] = "another label"
    folder.write()
    for seed in range(6):
        _, *parts = divided(folder.root, seed=seed)
        assert sorted(sum(entry["file_name"] == "a0.png" for entry in part["images"]) for part in parts) == [0, 2]


def test_images_without_objects_stay(folder):
    folder.parts["val"]["annotations"] = []
    folder.write()
    _, *parts = divided(folder.root)
    assert sum(len(part["images"]) for part in parts) == 10


def test_one_file_is_enough(folder):
    folder.file("val").unlink()
    _, *parts = divided(folder.root)
    assert [len(part["images"]) for part in parts] == [3, 3]
    assert parts[0]["categories"] == parts[1]["categories"] == CATEGORIES


def orphan(folder):
    folder.parts["train"]["annotations"][0]["image_id"] = 77


def unknown_category(folder):
    folder.parts["val"]["annotations"][0]["category_id"] = 77


def double_image_id(folder):
    folder.parts["train"]["images"][1]["id"] = 0


def no_id(folder):
    del folder.parts["train"]["annotations"][0]["id"]


def no_file_name(folder):
    del folder.parts["train"]["images"][0]["file_name"]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (orphan, "C131"),
        (unknown_category, "C132"),
        (double_image_id, "C115"),
        (no_id, "C107"),
        (no_file_name, "C107"),
    ],
)
def test_what_would_be_lost_stops_the_division(folder, spoil, code):
    spoil(folder)
    folder.write()
    before = snapshot(folder.root, without="")
    with pytest.raises(DatasetError, match=code) as caught:
        divided(folder.root)
    assert caught.value.findings[0].code == code
    assert snapshot(folder.root, without="") == before


def test_a_damaged_file_stops_the_division(folder):
    folder.file("val").write_text("{")
    with pytest.raises(DatasetError, match="C104"):
        divided(folder.root)


def test_no_image_at_all(folder):
    for part in folder.parts.values():
        part["images"] = part["annotations"] = []
    folder.write()
    with pytest.raises(DatasetError, match="no image"):
        divided(folder.root)


@pytest.mark.parametrize(("name", "counts"), [("INST", (140, 3957)), ("INST_nuclei", (130, 3480))])
def test_real_data(shared, tmp_path, name, counts):
    root = tmp_path / "data"
    shutil.copytree(shared(f"data/{name}") / "annotations", root / "annotations")
    before = contents(root)
    _, *parts = divided(root, 90, 10)
    assert objects(*parts) == objects(*before)
    assert tuple(sum(len(part[key]) for part in parts) for key in ("images", "annotations")) == counts
    others = set(before[0]) - {"images", "annotations"}
    assert {key: parts[0][key] for key in others} == {key: before[0][key] for key in others}


def test_planning_writes_nothing(folder):
    before = snapshot(folder.root, without="")
    plan = plan_split(config(folder.root, 50, 50, model="SOLOv2"))
    assert ("annotations", "10 train, 10 val") in plan.summary()
    assert snapshot(folder.root, without="") == before


def test_one_file_as_both_parts_is_written_once(folder):
    folder.parts["val"] = folder.parts["train"]
    folder.write()
    report, *parts = divided(folder.root)
    assert [len(part["images"]) for part in parts] == [3, 3]
    assert objects(*parts) == objects(folder.parts["train"])
    assert "6 images with the same objects" in report.plan.notes[0]


@pytest.mark.parametrize("names", [("train/_annotations.coco.json", "valid/_annotations.coco.json"), ("result.json",)])
def test_other_names_are_split_into_paddlex_s(folder, names):
    images = folder.root / "images"
    for name, part in zip(names, ("train", "val"), strict=False):
        place = folder.root / name
        place.parent.mkdir(exist_ok=True)
        folder.file(part).rename(place)
        if "/" in name:
            for entry in folder.parts[part]["images"]:
                (images / entry["file_name"]).rename(place.parent / entry["file_name"])
    shutil.rmtree(folder.root / "annotations")
    count = 10 if len(names) == 2 else 6
    report = divided(folder.root)[0]
    assert report.plan.samples == {"train": count // 2, "val": count // 2}
    dataset = open_instance_dataset(folder.root)
    assert len(dataset.train) == len(dataset.val) == count // 2
    assert divided(folder.root)[0].changes == ()


def test_test_part_stratified_and_folds(folder):
    settings = config(folder.root, 60, 20, model="SOLOv2", test_percent=20, stratified=True)
    report = split_dataset(settings)
    test = json.loads((folder.root / "annotations/instance_test.json").read_text())
    assert len(test["images"]) == report.plan.samples["test"] == 2
    assert {part.images for part in report.plan.balance.classes["dog"].values()} == {6, 2}
    assert len(open_instance_dataset(folder.root).train) == 6
    folded = split_dataset(config(folder.root, None, None, model="SOLOv2", folds=4))
    assert folded.plan.notes == ("the images of annotations/instance_test.json stay there",)
    fold = json.loads((folder.root / "folds/fold_2/instance_val.json").read_text())
    assert len(fold["images"]) == 2
    assert len(open_instance_dataset(folder.root.parent).train) == 6
    assert lists_by_hand(settings) == []


def test_yolo_data_are_called_so_and_the_remedy_works(tmp_path):
    source = make_coco_folder(tmp_path / "coco").root
    transfer_dataset(source, tmp_path / "yolo", "yolo")
    with pytest.raises(DatasetError, match="are YOLO data, not COCO") as caught:
        divided(tmp_path / "yolo")
    assert caught.value.hint is not None
    words = shlex.split(caught.value.hint.partition(",")[0].replace("NEW_FOLDER", str(tmp_path / "new")))
    outcome = CliRunner().invoke(main, [*words[1:], "--output", str(tmp_path / "out")])
    assert outcome.exit_code == 0, outcome.output
    assert len(divided(tmp_path / "new")[1]["images"]) > 0
