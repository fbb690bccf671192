"""Every file of the table, for every task, read again by what reads such files."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from segcli.config.schema import PredictConfig
from segcli.data import rle
from segcli.data.classes import ClassMap
from segcli.data.detections import Detections
from segcli.data.formats.labelme import read_labelme
from segcli.data.georeference import Georeference
from segcli.data.image import read_mask
from segcli.data.sources import SourceItem, open_sources
from segcli.inference.entropy import entropy_map
from segcli.inference.label_scores import label_scores
from segcli.outputs import OUTPUTS
from segcli.promptable.masks import PromptMask
from segcli.promptable.prompts import ObjectPrompt
from segcli.steps.predict.command import predict
from segcli.steps.predict.instance_results import InstanceResult
from segcli.steps.predict.outputs.writing import write_chosen
from segcli.steps.predict.promptable_files import join_coco
from segcli.steps.predict.promptable_results import PromptableResult
from segcli.steps.predict.semantic import SemanticPredictor
from segcli.steps.predict.semantic_results import SegResult
from tests.trained_model import make_config, trained_run

HEIGHT, WIDTH = 60, 80
CLASSES = ClassMap(("_background_", "кот", "dog"))


def labels():
    """A rectangle with a hole, and two parts of another class."""
    found = np.zeros((HEIGHT, WIDTH), np.uint8)
    found[5:25, 10:40] = 1
    found[10:15, 20:30] = 0
    found[30:50, 5:20] = found[40:55, 50:75] = 2
    return found


def detections():
    whole = labels()
    codes = [rle.encode(whole == 1), rle.encode(whole == 2)]
    return Detections(np.array([0.9, 0.6]), np.array([0, 1]), codes, None)


@pytest.fixture
def item(tmp_path):
    path = tmp_path / "in" / "bild ä.png"
    path.parent.mkdir()
    rgb = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    path.write_bytes(cv2.imencode(".png", rgb)[1].tobytes())
    path.with_suffix(".pgw").write_text("0.5\n0\n0\n-0.5\n1000.25\n1999.75\n")
    return next(iter(open_sources(str(path))))


def semantic(item):
    grey = np.full((HEIGHT, WIDTH), 200, np.uint8)
    return SegResult(item, labels(), CLASSES, confidence=np.float32(grey) / np.float32(255), entropy=255 - grey)


def instance(item):
    return InstanceResult(item, detections(), ClassMap(("кот", "dog")))


def promptable(item):
    whole = labels()
    prompts = [ObjectPrompt(text="кот"), ObjectPrompt(text="dog")]
    answers = [
        PromptMask(prompt, rle.encode(whole == number), score, 0.9, int((whole == number).sum()), (0, 0, 9, 9))
        for number, (prompt, score) in enumerate(zip(prompts, (0.9, 0.6), strict=True), start=1)
    ]
    return PromptableResult(item, answers)


TASKS = {"semantic": semantic, "instance": instance, "promptable": promptable}


@pytest.mark.parametrize("task", TASKS)
def test_every_row_for_every_task(task, item, tmp_path):
    names = [row.name for row in OUTPUTS.values() if task == "semantic" or row.name != "entropy"]
    written = write_chosen(TASKS[task](item), tmp_path / "out", "compact", names)
    assert set(written.files) == {*names, "json"}
    assert all(Path(file).stat().st_size for file in written.files.values())

    whole = labels()
    assert np.array_equal(read_mask(Path(written.files["label"])), whole)  # of objects 0 is none, so the same here
    place = Georeference.of(written.files["label"])
    assert place is not None
    assert place.matrix == pytest.approx((0.5, 0, 1000, 0, -0.5, 2000))

    features = json.loads(Path(written.files["geojson"]).read_text(encoding="utf-8"))["features"]
    ids = {one["properties"]["class"]: one["properties"]["class_id"] for one in features}
    assert ids == {"кот": 1, "dog": 2}, "as in the label map"
    cat = next(one for one in features if one["properties"]["class"] == "кот")
    outer, hole = cat["geometry"]["coordinates"]
    assert outer[0] == outer[-1]
    assert sorted(map(tuple, outer[:-1])) == [(1005, 1987.5), (1005, 1997.5), (1020, 1987.5), (1020, 1997.5)]
    assert signed_area(outer) > 0 > signed_area(hole)
    assert sum(one["properties"]["area_px"] for one in features) == int((whole > 0).sum())

    grey = cv2.imdecode(np.fromfile(written.files["confidence"], np.uint8), cv2.IMREAD_UNCHANGED)
    expected = np.full((HEIGHT, WIDTH), 200) if task == "semantic" else np.choose(whole, [0, round(229.5), 153])
    assert np.abs(grey.astype(int) - expected).max() <= 1

    document, findings = read_labelme(Path(written.files["labelme"]), "it")
    assert not findings
    assert {shape.label for shape in document.shapes} == {"кот", "dog"}
    image = Path(written.files["labelme"]).parent / document.image_path
    assert image.is_file()


def signed_area(ring):
    points = np.array(ring[:-1])
    after = np.roll(points, -1, axis=0)
    return float((points[:, 0] * after[:, 1] - after[:, 0] * points[:, 1]).sum())


@pytest.mark.parametrize("task", TASKS)
def test_datasets_are_datasets(task, item, tmp_path):
    """YOLO and COCO folders pass the check, and hold the pixels that were found."""
    out = tmp_path / "out"
    written = write_chosen(TASKS[task](item), out, "compact", ["coco", "yolo"])
    (joined,) = join_coco([written], out)
    document = json.loads(Path(joined.files["coco"]).read_text(encoding="utf-8"))
    assert sum(rle.area(one["segmentation"]) for one in document["annotations"]) == int((labels() > 0).sum())
    assert [entry["name"] for entry in document["categories"]] == ["кот", "dog"]
    assert (out / "coco" / "images" / document["images"][0]["file_name"]).is_file()

    lines = Path(written.files["yolo"]).read_text(encoding="utf-8").splitlines()
    painted = np.zeros((HEIGHT, WIDTH), np.uint8)
    for line in lines:
        class_id, *shares = line.split()
        ring = np.array(shares, float).reshape(-1, 2) * (WIDTH, HEIGHT)
        painted[rle.decode(rle.from_polygons([ring.ravel().tolist()], HEIGHT, WIDTH)) > 0] = int(class_id) + 1
    assert np.array_equal(painted, labels())
    assert (out / "yolo" / "images" / "train" / "bild ä.png").is_file()
    assert "names:" in (out / "yolo" / "data.yaml").read_text(encoding="utf-8")


def test_the_command_writes_what_is_wanted(tmp_path):
    root = trained_run()
    settings = {
        "model_dir": str(root / "run" / "best_model" / "inference"),
        "input": str(root / "data" / "images"),
        "write": ["label", "confidence", "entropy"],
        "runtime": "paddle",
    }
    done = predict(make_config(tmp_path / "run", Predict=settings))
    assert all(set(entry.files) == {"label", "confidence", "entropy", "json"} for entry in done.predicted)
    tiled = predict(
        make_config(
            tmp_path / "tiled",
            Predict={**settings, "sliding_window": {"crop_size": [32, 32], "stride": [24, 24]}},
        )
    )
    assert all(set(entry.files) == {"label", "confidence", "entropy", "json"} for entry in tiled.predicted)


def test_certainty_is_that_of_the_softmax():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (5, 90, 40)).astype(np.float32)
    entropy, confidence = entropy_map(logits, 90, 40), label_scores(logits, 90, 40).confidence
    shares = np.exp(logits) / np.exp(logits).sum(axis=0)
    assert np.abs(np.rint(255 * confidence) - 255 * shares.max(axis=0)).max() <= 0.51
    assert np.abs(entropy - 255 * -(shares * np.log(shares)).sum(axis=0) / np.log(5)).max() <= 0.51
    even = np.zeros((4, 3, 3), np.float32)
    assert (entropy_map(even, 6, 6) == 255).all()
    assert (np.rint(255 * label_scores(even, 6, 6).confidence) == 64).all()


def test_the_temperature_of_the_model_counts_with_entropy_too(tmp_path):
    root = trained_run()
    predictor = SemanticPredictor.open(root / "run/best_model/inference", PredictConfig(runtime="paddle"))
    (item,) = open_sources(str(next((root / "data" / "images").glob("*"))))
    warm = replace(predictor, model=replace(predictor.model, temperature=4.0))
    maps = {}
    for names in (("confidence",), ("confidence", "entropy")):
        (result,) = warm.configured(PredictConfig(write=names)).predict([item])
        maps[names] = result.confidence_map()
    assert (maps[("confidence",)] == maps[("confidence", "entropy")]).all()
    (cold,) = predictor.configured(PredictConfig(write=("entropy",))).predict([item])
    (flat,) = warm.configured(PredictConfig(write=("entropy",))).predict([item])
    assert flat.entropy_map().mean() > cold.entropy_map().mean()
    assert cold.confidence is None


def test_a_geotiff_says_where_it_lies(tmp_path):
    path = tmp_path / "a.tif"
    keys = (1, 1, 0, 2, 1025, 0, 1, 1, 3072, 0, 1, 32633)
    tags = [
        (33550, 12, 3, (2.0, 2.0, 0.0), True),
        (33922, 12, 6, (0.0, 0.0, 0.0, 500000.0, 5000000.0, 0.0), True),
        (34735, 3, len(keys), keys, True),
    ]
    tifffile.imwrite(path, np.zeros((HEIGHT, WIDTH, 3), np.uint8), photometric="rgb", extratags=tags, metadata=None)
    place = Georeference.of(str(path))
    assert place == Georeference((2.0, 0.0, 500000.0, 0.0, -2.0, 5000000.0), 32633)
    assert place.on_map(np.array([[10.0, 20.0]])).tolist() == [[500020.0, 4999960.0]]
    result = SegResult(next(iter(open_sources(str(path)))), labels(), CLASSES)
    written = write_chosen(result, tmp_path, "compact", ["geojson"])
    document = json.loads(Path(written.files["geojson"]).read_text(encoding="utf-8"))
    assert document["crs"]["properties"]["name"].endswith("EPSG::32633")


def test_more_classes_than_a_label_map_holds_are_told(item, tmp_path, caplog):
    many = InstanceResult(item, detections(), ClassMap(tuple(f"c{number}" for number in range(300))))
    written = write_chosen(many, tmp_path, "compact", ["label", "overlay"])
    assert set(written.files) == {"overlay", "json"}
    assert "254 classes" in caplog.text


def test_each_row_is_a_module():
    for name in OUTPUTS:
        assert callable(import_module(f"segcli.steps.predict.outputs.{name}").write)


def test_an_image_that_is_no_file_is_put_into_the_dataset(tmp_path):
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    result = SegResult(SourceItem(None, None, Path("array"), rgb), labels(), CLASSES)
    write_chosen(result, tmp_path, "compact", ["labelme"])
    assert (tmp_path / "labelme" / "images" / "array.png").is_file()
