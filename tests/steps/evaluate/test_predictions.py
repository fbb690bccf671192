"""Predictions of other tools are measured like those of a model."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.data.classes import ClassMap
from segcli.data.decoding.used_range import SETTING, current_range
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.formats.masks import open_seg_dataset
from segcli.data.image import read_mask
from segcli.data.instances import CocoDataset, InstanceSample
from segcli.data.predictions import read_detections
from segcli.errors import InputError
from segcli.steps.evaluate.command import evaluate
from segcli.steps.evaluate.drawings import draw_sample
from segcli.steps.evaluate.subjects import open_labels
from segcli.steps.predict.model import create_model
from tests.images import make_seg_dataset
from tests.instance_run import configure, make_rectangles
from tests.trained_model import make_config, trained_run


@pytest.fixture
def data(tmp_path):
    return make_seg_dataset(tmp_path / "data", train=1, val=3)


def label_maps(data: Path, folder: Path, ending: str = "") -> Path:
    folder.mkdir()
    for sample in open_seg_dataset(data).val:
        labels = np.roll(read_mask(sample.mask), 2, axis=1)
        cv2.imwrite(str(folder / f"{sample.image.stem}{ending}.png"), labels)
    return folder


def of_files(tmp_path: Path, data: Path, path: Path):
    return evaluate(make_config(tmp_path / "out", data, Evaluate={"predictions": str(path)}))


@pytest.mark.parametrize("ending", ["", "_res", "_pred"])
def test_label_maps_are_found_by_the_names_of_the_images(tmp_path, data, ending):
    result = of_files(tmp_path, data, label_maps(data, tmp_path / "found", ending))
    assert 0.5 < result.report.miou < 1
    assert (result.model_name, result.runtime) == ("predictions", "files")
    assert result.as_dict()["interval"]["mIoU"]


def test_what_predict_leaves_measures_like_the_model(tmp_path):
    run = trained_run()
    best = run / "run/best_model"
    whole = evaluate(make_config(tmp_path / "a", run / "data", Evaluate={"weight_path": str(best / "inference")}))
    model = create_model("PP-LiteSeg-T", model_dir=str(best / "inference"))
    for sample in open_seg_dataset(run / "data").val:
        for result in model.predict(str(sample.image)):
            result.save_to_img(str(tmp_path / "found"))
    assert (of_files(tmp_path, run / "data", tmp_path / "found").report.matrix == whole.report.matrix).all()


def test_missing_and_unusable_label_maps_are_named(tmp_path, data):
    folder = label_maps(data, tmp_path / "found")
    first = folder / "val_0.png"
    good = first.read_bytes()
    cv2.imwrite(str(first), np.full((64, 64), 3, np.uint8))
    with pytest.raises(InputError, match="holds id 3, but there are 3 classes"):
        of_files(tmp_path, data, folder)
    cv2.imwrite(str(first), np.zeros((64, 32), np.uint8))
    with pytest.raises(InputError, match="is 32 x 64, the mask 64 x 64"):
        of_files(tmp_path, data, folder)
    first.write_bytes(good)
    (folder / "more").mkdir()
    (folder / "more" / "val_0.png").write_bytes(good)
    with pytest.raises(InputError, match="one of 2 files"):
        of_files(tmp_path, data, folder)
    (folder / "more" / "val_0.png").unlink()
    first.unlink()
    with pytest.raises(InputError, match=r"no label map of 1 of 3 images: val_0\.png"):
        of_files(tmp_path, data, folder)
    with pytest.raises(InputError, match="is not there"):
        of_files(tmp_path, data, tmp_path / "absent")


def test_the_range_of_the_model_is_that_of_the_images(tmp_path, monkeypatch):
    monkeypatch.setenv(SETTING, "")
    run = trained_run()
    settings = {"weight_path": str(run / "run/best_model")}
    config = make_config(tmp_path, run / "data", Evaluate=settings)
    wanted = config.model_copy(update={"Global": config.Global.model_copy(update={"image_range": (0, 4095)})})
    with open_labels(config) as plain, open_labels(wanted) as deep:
        deep.measure(config)
        assert current_range() == deep.image_range != plain.image_range
        draw_sample(plain, plain.dataset.val[0])
        assert current_range() == plain.image_range


def coco_entries(data: Path) -> list[dict]:
    dataset = open_instance_dataset(data)
    return [
        {
            "image_id": sample.image_id,
            "category_id": dataset.category_ids[value.class_id],
            "segmentation": value.to_rle(sample.height, sample.width),
            "score": 0.9,
        }
        for sample in dataset.val
        for value in sample.objects
        if not value.is_crowd
    ]


def objects_of(tmp_path: Path, data: Path, path: Path):
    settings = {"predictions": str(path)}
    return evaluate(configure("PP-YOLOE_seg-S", data, tmp_path / "out", Evaluate=settings)).as_dict()


def test_perfect_coco_results_are_perfect(tmp_path):
    data = make_rectangles(tmp_path / "data", train=1, val=2)
    file = tmp_path / "results.json"
    file.write_text(json.dumps(coco_entries(data)))
    values = objects_of(tmp_path, data, file)
    assert values["metrics"]["AP"] == 1
    assert values["runtime"] == "files"
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a_coco.json").write_text(json.dumps({"annotations": coco_entries(data)[1:]}))
    assert objects_of(tmp_path, data, tmp_path / "folder")["metrics"]["AP"] < 1


def test_the_ids_of_a_whole_coco_file_are_its_own(tmp_path):
    data = make_rectangles(tmp_path / "data", train=1, val=2)
    dataset = open_instance_dataset(data)
    images = {sample.image_id: 100 - number for number, sample in enumerate(dataset.val)}
    categories = {category: 50 + index for index, category in enumerate(dataset.category_ids)}
    entries = [
        {**one, "image_id": images[one["image_id"]], "category_id": categories[one["category_id"]]}
        for one in coco_entries(data)
    ]
    whole = {
        "images": [{"id": images[one.image_id], "file_name": one.image.name} for one in dataset.val],
        "categories": [{"id": number, "name": dataset.classes.name_of(number - 50)} for number in categories.values()],
        "annotations": entries,
    }
    file = tmp_path / "merged.json"
    file.write_text(json.dumps(whole))
    assert objects_of(tmp_path, data, file)["metrics"]["AP"] == 1
    for one in whole["images"]:
        one["file_name"] = "elsewhere.jpg"
    file.write_text(json.dumps(whole))
    with pytest.raises(InputError, match=r"names no image of the validation split; the last is 'elsewhere\.jpg'"):
        objects_of(tmp_path, data, file)


def test_the_json_files_of_predict_are_read_where_it_wrote_no_coco_results(tmp_path):
    data = make_rectangles(tmp_path / "data", train=1, val=2)
    dataset = open_instance_dataset(data)
    folder = tmp_path / "predict"
    (folder / "coco/annotations").mkdir(parents=True)
    (folder / "coco/annotations/instance_train.json").write_text("{}")
    for sample in dataset.val:
        boxes = [
            {
                "cls_id": one.class_id,
                "label": dataset.classes.name_of(one.class_id),
                "score": 0.9,
                "coordinate": [one.box[0], one.box[1], one.box[0] + one.box[2], one.box[1] + one.box[3]],
                "segmentation": one.to_rle(sample.height, sample.width),
            }
            for one in sample.objects
        ]
        values = {"input_path": str(sample.image), "boxes": boxes}
        (folder / f"{sample.image.stem}_res.json").write_text(json.dumps(values))
    found = objects_of(tmp_path, data, folder)
    assert (found["mask"]["AP"], found["box"]["AP"]) == (1, 1)


def test_two_images_of_one_name_are_told_apart_by_their_folders(tmp_path):
    samples = tuple(
        InstanceSample(Path(f"images/{side}/0001.jpg"), number, 8, 8) for number, side in enumerate(("left", "right"))
    )
    dataset = CocoDataset(tmp_path, ClassMap(("a",)), (1,), (), samples)
    ring = [[1, 1, 4, 1, 4, 4, 1, 4]]
    entry = {"image_id": "right/0001.jpg", "category_id": 1, "score": 0.5, "segmentation": ring}
    file = tmp_path / "results.json"
    file.write_text(json.dumps([entry]))
    assert list(read_detections(file, dataset)) == [1]
    file.write_text(json.dumps([{**entry, "image_id": "0001.jpg"}]))
    with pytest.raises(InputError, match="several have that name"):
        read_detections(file, dataset)
    (tmp_path / "labels").mkdir()
    for side in ("left", "right"):
        (tmp_path / "labels" / side).mkdir()
        (tmp_path / "labels" / side / "0001.txt").write_text(
            f"0 0.1 0.1 0.5 0.1 0.5 0.5 {0.25 if side == 'left' else 0.75}"
        )
    found = read_detections(tmp_path / "labels", dataset)
    assert [found[number].scores.tolist() for number in (0, 1)] == [[0.25], [0.75]]


def test_perfect_yolo_files_are_perfect(tmp_path):
    data = make_rectangles(tmp_path / "data", train=1, val=2)
    folder = tmp_path / "labels"
    folder.mkdir()
    for sample in open_instance_dataset(data).val:
        lines = []
        for value in sample.objects:
            x, y, w, h = value.box
            ring = np.array([x, y, x + w, y, x + w, y + h, x, y + h]).reshape(-1, 2) / [sample.width, sample.height]
            lines.append(f"{value.class_id} {' '.join(map(str, ring.ravel()))} 0.8")
        (folder / f"{sample.image.stem}.txt").write_text("\n".join(lines))
    assert objects_of(tmp_path, data, folder)["metrics"]["AP"] == 1
    file = next(folder.glob("*.txt"))
    file.write_text("0 0.1 0.1 0.2 0.2 0.9")
    with pytest.raises(InputError, match="line 1 holds no polygon"):
        objects_of(tmp_path, data, folder)
    file.write_text("7 0.1 0.1 0.2 0.2 0.3 0.3")
    with pytest.raises(InputError, match="names class 7"):
        objects_of(tmp_path, data, folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_id": 999}, "names image 999"),
        ({"category_id": 999}, "names class 999"),
        ({"segmentation": {"size": [1, 1], "counts": [1]}}, "has a mask of"),
        ({"segmentation": {"size": [1, 1], "counts": [5]}}, "no usable mask"),
        ({"image_id": [1]}, "in another form"),
        ({"category_id": {}}, "in another form"),
        ({"category_name": []}, "in another form"),
        ({"score": None}, "in another form"),
        ({"score": 10**400}, "in another form"),
        ({"bbox": [1, 2, "3", 4]}, "in another form"),
    ],
)
def test_faults_of_results_are_named(tmp_path, change, message):
    data = make_rectangles(tmp_path / "data", train=1, val=1)
    file = tmp_path / "results.json"
    file.write_text(json.dumps([{**coco_entries(data)[0], **change}]))
    with pytest.raises(InputError, match=message):
        objects_of(tmp_path, data, file)


@pytest.mark.parametrize(
    "content",
    [
        {"boxes": None, "input_path": "a.png"},
        {"boxes": [1], "input_path": "a.png"},
        {"boxes": [{"cls_id": None, "label": "a", "coordinate": [1, 2, 3, 4]}], "input_path": "a.png"},
        {"boxes": [{"cls_id": 1, "label": "a", "coordinate": None}], "input_path": "a.png"},
        {"annotations": [{"image_id": 1}], "images": None},
        {"annotations": [{"image_id": 1}], "images": [{"id": 1}]},
        {"annotations": [{"image_id": []}], "images": [{"id": 1, "file_name": "a"}]},
    ],
)
def test_files_of_odd_content_are_named(tmp_path, content):
    file = tmp_path / "results.json"
    file.write_text(json.dumps(content))
    dataset = CocoDataset(tmp_path, ClassMap(("a",)), (1,), (), ())
    with pytest.raises(InputError, match=r"results\.json.*neither a COCO file nor"):
        read_detections(file, dataset)


def test_results_without_masks_say_what_is_wanted(tmp_path):
    data = make_rectangles(tmp_path / "data", train=1, val=1)
    file = tmp_path / "results.json"
    file.write_text(json.dumps([{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 1}]))
    with pytest.raises(InputError, match="lacks image_id, category_id, score or segmentation"):
        objects_of(tmp_path, data, file)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="neither COCO results"):
        objects_of(tmp_path, data, tmp_path / "empty")


def test_the_report_holds_numbers_slices_and_the_worst_images(tmp_path, data):
    result = of_files(tmp_path, data, label_maps(data, tmp_path / "found"))
    page, markdown = (Path(path).read_text(encoding="utf-8") for path in result.pages)
    assert page.count("data:image/jpeg") == 3 * 3
    assert 'src="http' not in page and "<script" not in page
    worst = min(result.report.counts.confusions.places, key=lambda place: image_scores(result)[place])
    assert page.index(f"val_{worst}.png") == min(page.index(f"val_{place}.png") for place in range(3))
    for text in ("mIoU", "By brightness", "Largest confusions"):
        assert text in page and text in markdown
    assert markdown.count("|") > 50
    columns = {one["column"] for one in result.as_dict()["slices"]}
    assert "brightness" in columns


def image_scores(result) -> list[float]:
    with Path(result.per_image[0]).open(encoding="utf-8", newline="") as file:
        return [float(row["mIoU"]) for row in csv.DictReader(file)]


def test_the_report_of_objects_names_kinds_of_error(tmp_path):
    data = make_rectangles(tmp_path / "data", train=1, val=2)
    file = tmp_path / "results.json"
    file.write_text(json.dumps(coco_entries(data)[1:]))
    values = objects_of(tmp_path, data, file)
    page = Path(values["pages"][0]).read_text(encoding="utf-8")
    assert "missed: no detection overlaps the object" in page
    assert values["errors"]["counts"]["missed"] == 1
    assert "кот" in page


@pytest.mark.parametrize(("least", "code"), [("mIoU=0.2", 0), ("mIoU=0.99", 1), ("mIoU=x", 2), ("mAP=0.1", 2)])
def test_a_value_below_the_least_fails_the_command(tmp_path, data, least, code):
    found = label_maps(data, tmp_path / "found")
    arguments = ["evaluate", str(data), "--predictions", str(found), "--output", str(tmp_path / "out")]
    outcome = CliRunner().invoke(main, [*arguments, "--fail-under", least, "--json"])
    assert outcome.exit_code == code, outcome.output
    if code < 2:
        (one,) = json.loads(outcome.stdout)["fail_under"]
        assert one["passed"] is (code == 0)
