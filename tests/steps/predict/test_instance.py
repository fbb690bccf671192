from __future__ import annotations

import base64
import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from segcli.data import rle
from segcli.data.classes import ClassMap
from segcli.data.detections import Detections
from segcli.data.formats.labelme import read_labelme
from segcli.data.formats.labelme_shapes import LabelCanvas
from segcli.data.image import read_image
from segcli.data.sources import SourceItem, open_sources
from segcli.inference.decode_objects import whole_masks
from segcli.inference.instance_input import prepare
from segcli.inference.preprocess import fitted_size
from segcli.models.spec import Preprocess
from segcli.steps.predict.command import predict
from segcli.steps.predict.instance_results import InstanceResult
from segcli.steps.predict.model import create_model
from tests.instance_run import configure
from tests.trained_instance import MODEL, trained_instance_run

HEIGHT, WIDTH = 40, 60
CLASSES = ClassMap(("кот", "dog"))


def masks():
    """A rectangle, two parts, a ring."""
    plain, parts, ring = (np.zeros((HEIGHT, WIDTH), np.uint8) for _ in range(3))
    plain[5:15, 10:30] = 1
    parts[20:25, 2:8] = parts[30:38, 4:12] = 1
    ring[18:36, 30:56] = 1
    ring[24:30, 38:48] = 0
    return [plain, parts, ring]


def found(boxes=True):
    corners = np.array([[10.2, 5.1, 29.9, 15.0], [2, 20, 12, 38], [30, 18, 56, 36]])
    codes = tuple(rle.encode(mask) for mask in masks())
    return Detections(np.array([0.9, 0.8, 0.4]), np.array([0, 1, 1]), codes, corners if boxes else None)


@pytest.fixture
def result(tmp_path):
    rgb = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    path = tmp_path / "in" / "bild ä.png"
    path.parent.mkdir()
    path.write_bytes(cv2.imencode(".png", rgb)[1].tobytes())
    return InstanceResult(next(iter(open_sources(str(path)))), found(), CLASSES)


def test_keys_are_paddlexs(result):
    assert list(result) == ["input_path", "page_index", "input_img", "boxes", "masks"]
    assert result["boxes"][0] == {"cls_id": 0, "label": "кот", "score": 0.9, "coordinate": [10.2, 5.1, 29.9, 15.0]}
    assert [mask.shape for mask in result["masks"]] == [(10, 20), (18, 10), (18, 26)]
    assert np.array_equal(result["masks"][2], masks()[2][18:36, 30:56])


def test_models_without_boxes_get_those_of_their_masks(result):
    item = next(iter(open_sources(result["input_path"])))
    boxes = InstanceResult(item, found(boxes=False), CLASSES)["boxes"]
    assert [box["coordinate"] for box in boxes] == [[10, 5, 30, 15], [2, 20, 12, 38], [30, 18, 56, 36]]


def test_full_json_is_what_the_result_says(result, tmp_path):
    values = json.loads(result.save_to_json(tmp_path).read_text(encoding="utf-8"))
    assert values == result.json["res"]


def test_full_json_of_masks_that_others_put_into_a_result(result, tmp_path):
    marked = np.where(result["masks"][0] == 1, 255, 0).astype(np.uint8)
    result["masks"] = [marked, marked == 255, marked.astype(np.float32), marked[:0], marked[:, :0]]
    values = json.loads(result.save_to_json(tmp_path).read_text(encoding="utf-8"))
    assert [np.shape(mask) for mask in values["masks"]][:3] == [(10, 20)] * 3
    assert np.array_equal(values["masks"][0], marked)
    assert np.array_equal(values["masks"][1], marked == 255)
    assert np.array_equal(values["masks"][2], marked)
    assert values["masks"][3:] == [[], [[]] * 10]


def test_no_object_is_a_result_too(result, tmp_path):
    nothing = Detections(np.zeros(0), np.zeros(0, int), (), np.zeros((0, 4)))
    empty = InstanceResult(next(iter(open_sources(result["input_path"]))), nothing, CLASSES)
    assert json.loads(empty.save_to_json(tmp_path).read_text(encoding="utf-8"))["masks"] == []
    assert json.loads(empty.save_to_coco(tmp_path).read_text(encoding="utf-8")) == []
    assert empty.drawn().shape[1] >= WIDTH


def test_compact_json_has_codes_of_the_whole_image_and_polygons(result, tmp_path):
    values = json.loads(result.save_to_json(tmp_path, form="compact").read_text(encoding="utf-8"))
    for box, mask in zip(values["boxes"], masks(), strict=True):
        assert np.array_equal(rle.decode(box["segmentation"]), mask)
        assert box["area_px"] == mask.sum()
    assert [[len(part["holes"]) for part in box["polygons"]] for box in values["boxes"]] == [[0], [0, 0], [1]]
    assert values["size"] == [HEIGHT, WIDTH]


def test_coco_results_are_loaded_by_pycocotools(result, tmp_path, capsys):
    from pycocotools.coco import COCO

    path = result.save_to_coco(tmp_path)
    entries = json.loads(path.read_text(encoding="utf-8"))
    for entry in entries:
        entry["image_id"] = 1
    dataset = COCO()
    dataset.dataset = {
        "images": [{"id": 1, "height": HEIGHT, "width": WIDTH}],
        "categories": [{"id": 1, "name": "кот"}, {"id": 2, "name": "dog"}],
        "annotations": [],
        "info": {},
    }
    dataset.createIndex()
    loaded = dataset.loadRes(entries)
    assert np.array_equal(loaded.annToMask(loaded.anns[3]), masks()[2])
    capsys.readouterr()


def test_labelme_files_paint_the_same_masks(result, tmp_path):
    path = result.save_to_labelme(tmp_path / "out")
    file, findings = read_labelme(path, path.name)
    assert not findings
    assert (path.parent / str(file.image_path)).resolve().is_file()
    assert [(shape.label, shape.kind) for shape in file.shapes] == [
        ("кот", "polygon"),
        ("dog", "polygon"),
        ("dog", "polygon"),
        ("dog", "mask"),
    ]
    assert [shape.group_id for shape in file.shapes] == [None, 2, 2, None]
    canvas = LabelCanvas(HEIGHT, WIDTH)
    for shape in file.shapes:
        canvas.paint(shape, 1)
    truth = np.maximum.reduce(masks())
    # Pillow paints the pixels on the border of a polygon as well
    assert (canvas.labels() != truth).sum() <= sum(
        cv2.dilate(mask, np.ones((3, 3))).sum() - mask.sum() for mask in masks()
    )
    assert np.array_equal(canvas.labels()[18:36, 30:56], masks()[2][18:36, 30:56])


def test_an_array_is_put_into_the_labelme_file(tmp_path):
    array = np.full((HEIGHT, WIDTH, 3), (10, 20, 30), np.uint8)
    result = InstanceResult(next(iter(open_sources(array))), found(), CLASSES)
    values = json.loads(result.save_to_labelme(tmp_path).read_text(encoding="utf-8"))
    inside = cv2.imdecode(np.frombuffer(base64.b64decode(values["imageData"]), np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(inside, array)


def test_masks_of_other_makers_are_taken_whole():
    stack = np.stack([*masks(), np.zeros((HEIGHT, WIDTH), np.uint8)])
    scores, labels = np.array([0.9, 0.3, 0.6, 0.0]), np.array([0, 1, 1, 0])
    rows = np.concatenate([labels[:, None], scores[:, None], np.zeros((4, 4))], axis=1)
    for outputs in ((rows, np.array([4]), stack), (np.array([4]), labels, scores, stack)):
        taken = whole_masks(outputs, 0.5)
        assert taken.classes.tolist() == [0, 1]
        assert np.array_equal(rle.decode(taken.masks[1]), masks()[2])


def test_images_are_resized_and_padded_as_paddledetection_does():
    assert fitted_size(100, 200, Preprocess(size=(64, 107), keep_ratio=True)) == (54, 107)
    assert fitted_size(200, 100, Preprocess(size=(64, 64))) == (64, 64)
    prepared = prepare(np.zeros((100, 200, 3), np.uint8), Preprocess(size=(64, 107), keep_ratio=True, stride=32))
    assert prepared.image.shape == (1, 3, 64, 128)
    assert (prepared.image[..., 107:] == 0).all()
    feeds = prepared.feeds()
    assert feeds["im_shape"].tolist() == [[54, 107]]
    np.testing.assert_allclose(feeds["im_shape"] / feeds["scale_factor"], [[100, 200]], rtol=1e-6)


def test_the_model_finds_the_same_on_every_runtime_and_honours_the_threshold():
    run = trained_instance_run()
    folder, images = run / "run/best_model/inference", sorted(map(str, (run / "data/images").glob("*.png")))
    ours = list(create_model(MODEL, folder, runtime="paddle", threshold=0.0).predict(images))
    assert all(len(result["boxes"]) > 3 for result in ours)
    middle = ours[0]["boxes"][2]["score"]
    model = create_model(MODEL, folder, runtime="paddle")
    fewer = next(model.predict(images, threshold=middle))
    assert [box["score"] for box in fewer["boxes"]] == [
        box["score"] for box in ours[0]["boxes"] if box["score"] >= middle
    ]
    assert model.class_names == CLASSES.names


def test_predict_writes_every_form(tmp_path):
    run = trained_instance_run()
    settings = {"model_dir": str(run / "run/best_model/inference"), "input": str(run / "data/images"), "threshold": 0.0}
    config = configure(MODEL, run / "data", tmp_path, Predict={**settings, "runtime": "paddle"})
    done = predict(config)
    assert len(done.predicted) == 5
    for entry in done.predicted:
        assert set(entry.files) == {"json", "overlay", "coco_results", "labelme"}
        assert read_image(entry.files["overlay"]).shape[1] >= entry.size[1]


def test_an_exact_image_is_normalised_before_it_is_resized():
    """As PaddleDetection's reader of SOLOv2; in between no value is rounded to a whole number."""
    import cv2

    rgb = np.random.default_rng(0).integers(0, 256, (60, 90, 3)).astype(np.uint8)
    exact = Preprocess((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), (40, 64), keep_ratio=True, exact=True)
    floats = ((rgb.astype(np.float32) / 255 - exact.mean) / exact.std).astype(np.float32)
    theirs = cv2.resize(floats, (60, 40), interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)
    np.testing.assert_allclose(prepare(rgb, exact).image[0], theirs, atol=1e-5)
    rounded = prepare(rgb, replace(exact, exact=False)).image[0]
    assert 1e-3 < np.abs(rounded - theirs).max() < 0.02


@pytest.mark.parametrize("save", ["save_to_json", "save_to_coco", "save_to_labelme"])
def test_files_of_many_objects_are_written_one_by_one(save, result, tmp_path):
    """A large image has objects by the hundred thousand."""
    item = SourceItem(result["input_path"], None, Path("many"), result.rgb)
    many = Detections(np.full(3000, 0.5), np.zeros(3000, np.int64), tuple(found().masks[:2] * 1500))
    whole = InstanceResult(item, many, CLASSES)
    assert all(mask.outlines for mask in whole.traced)
    options = {"form": "compact"} if save == "save_to_json" else {}
    tracemalloc.start()
    path = getattr(whole, save)(tmp_path / "many.json", **options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(json.loads(path.read_text(encoding="utf-8"))) >= 4
    assert peak < path.stat().st_size
