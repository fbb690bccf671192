"""Images whose labels a model contradicts come first."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.data import rle
from segcli.data.classes import ClassMap
from segcli.data.detections import Detections
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.samples import Split
from segcli.steps.check.label_quality.instance import rank_objects
from segcli.steps.check.label_quality.semantic import given_label_probability, softmin
from segcli.steps.predict.model import create_model
from tests.coco_folder import HEIGHT, NAMES, WIDTH, make_coco_folder
from tests.trained_model import MODEL, trained_run


def test_softmin_is_near_the_least_and_counts_how_many_are_low():
    assert softmin(np.ones(100)) == pytest.approx(1)
    one, many = np.ones(100), np.ones(100)
    one[0], many[:20] = 0.1, 0.1
    assert softmin(many) < softmin(one) < one.mean()
    assert softmin(np.array([0.2])) == pytest.approx(0.2)


def test_the_probability_of_the_given_label():
    logits = np.log(np.array([[[0.7, 0.2]], [[0.1, 0.5]], [[0.2, 0.3]]], np.float32))
    ids = np.array([[0, 2]], np.uint8)
    assert given_label_probability(logits, ids) == pytest.approx([0.7, 0.3])
    assert given_label_probability(logits, np.array([[255, 1]], np.uint8)) == pytest.approx([0.5])


def test_masks_that_the_model_contradicts_come_first(tmp_path):
    run = trained_run()
    data, model = shutil.copytree(run / "data", tmp_path / "data"), run / "run/best_model/inference"
    predictor = create_model(MODEL, model, runtime="paddle")
    names = sorted(path.stem for path in (data / "images").iterdir())
    for result, name in zip(predictor.predict(str(data / "images")), names, strict=True):
        labels = result["pred"][0].astype(np.uint8)
        wrong = (labels + 1) % 3 if name == "val_1" else labels
        cv2.imwrite(str(data / "annotations" / f"{name}.png"), wrong)
    words = ["check", str(data), "--task", "semantic", "--with-model", str(model), "--output", str(tmp_path / "out")]
    outcome = CliRunner().invoke(main, words)
    assert outcome.exit_code == 0, outcome.output
    ranked = json.loads((tmp_path / "out/check_dataset/label_quality.json").read_text())["images"]
    assert ranked[0]["image"] == "images/val_1.png" and ranked[0]["split"] == "val"
    assert ranked[0]["score"] < 0.8 * ranked[1]["score"], "even of a network with random weights"
    assert len(ranked) == len(names)
    assert ranked[0]["why"].startswith("the model gives another class to 100.0 %")
    page = (tmp_path / "out/check_dataset/label_quality.html").read_text()
    assert page.count("<figure>") == len(names) and "images/val_1.png" in page
    result = json.loads((tmp_path / "out/check_dataset_result.json").read_text())["label_quality"]
    assert result["worst"][0]["image"] == "images/val_1.png"


def test_missing_and_strange_objects_come_first(tmp_path):
    folder = make_coco_folder(tmp_path / "data", train=4, val=1)
    dataset = open_instance_dataset(folder.root)
    given = [one.to_rle(HEIGHT, WIDTH) for one in dataset.train[0].objects]
    far = rle.encode_crop(np.ones((6, 6), np.uint8), WIDTH - 7, 0, HEIGHT, WIDTH)
    answers = [
        Detections(np.array([0.9, 0.8]), np.array([0, 1]), given),
        Detections(np.array([0.9, 0.8, 0.95]), np.array([0, 1, 1]), [*given, far]),  # one object has no label
        Detections(np.array([0.9, 0.2]), np.array([0, 1]), given),  # one label has no sure object
    ]
    answers.append(Detections(np.array([0.9, 0.8]), np.array([0, 0]), given))  # a label names another class
    left = iter(answers)
    predictor = SimpleNamespace(find=lambda _rgb: next(left))
    samples = [(sample, Split.TRAIN) for sample in dataset.train]
    whole, missing, strange, renamed = rank_objects(predictor, samples, folder.root, ClassMap(NAMES))
    assert (whole.score, missing.score, strange.score) == pytest.approx((1, 0.05, 0.75))
    assert renamed.score == pytest.approx(0.2)
    without = "without a label, 0 of another class than the label, 0 of 2 labels without an object"
    assert missing.why == f"1 confident object {without}"
    assert missing.draw().ndim == 3
