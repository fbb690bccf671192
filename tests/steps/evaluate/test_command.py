from __future__ import annotations

import csv
import json
import logging
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from segcli.errors import FailedImageError, SegcliError, UsageError, WeightsError
from segcli.inference.runtimes import openvino_runtime, paddle_runtime
from segcli.steps.evaluate import open_model as opened
from segcli.steps.evaluate.command import evaluate
from tests.trained_model import make_config, save_weights, trained_run


@pytest.fixture(scope="module")
def run():
    return trained_run()


def measured(run: Path, output: Path, **settings):
    return evaluate(make_config(output, run / "data", Evaluate=settings))


def test_trained_and_exported_model_give_the_same_numbers(run, tmp_path):
    trained = measured(run, tmp_path, weight_path=str(run / "run/best_model/model.pdparams"))
    exported = measured(run, tmp_path, weight_path=str(run / "run/best_model/inference"), runtime="paddle")
    assert trained.runtime == exported.runtime == "paddle"
    assert exported.report.miou == pytest.approx(trained.report.miou, abs=1e-4)
    assert trained.report.matrix.sum() == 3 * 64 * 64


def test_the_result_names_metrics_classes_and_files_that_exist(run, tmp_path):
    values = measured(run, tmp_path, weight_path=str(run / "run/best_model")).as_dict()
    assert list(values["metrics"])[:4] == ["mIoU", "Acc", "Kappa", "Dice"]
    low, high = values["interval"]["mIoU"]
    assert low <= values["metrics"]["mIoU"] <= high
    assert values["empty_class_policy"] == "a class in neither truth nor prediction is left out of the mean"
    assert values["class_names"] == ["_background_", "red", "blue"]
    image = cv2.imread(values["confusion_matrix"]["png"])
    assert image is not None and image.std() > 10
    numbers = json.loads(Path(values["confusion_matrix"]["json"]).read_text())
    assert sum(map(sum, numbers["pixels"])) == 3 * 64 * 64


def test_weights_of_other_classes_are_refused(run, tmp_path):
    weights = save_weights(tmp_path / "other", names=("_background_", "red", "green"))
    with pytest.raises(WeightsError, match="blue   <- differ"):
        measured(run, tmp_path, weight_path=str(weights))


def test_missing_weights_say_what_to_do(run, tmp_path):
    with pytest.raises(UsageError, match="there are no weights here"):
        measured(run, tmp_path)


def test_many_pixels_go_to_the_fast_runtime_with_the_same_numbers(run, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("paddle2onnx")
    best = tmp_path / "best_model"
    shutil.copytree(run / "run/best_model", best)
    slow = measured(run, tmp_path, weight_path=str(best / "model.pdparams"))
    monkeypatch.setattr(opened, "WORTHWHILE_PIXELS", 1)
    fast = measured(run, tmp_path, weight_path=str(best / "model.pdparams"))
    assert slow.runtime == "paddle"
    assert fast.runtime in ("onnxruntime", "openvino")
    assert fast.report.miou == pytest.approx(slow.report.miou, abs=1e-4)
    assert (best / "inference" / "inference.onnx").is_file(), "the export of exactly these weights was used"


def test_every_image_has_a_row_from_which_the_whole_can_be_added_up(run, tmp_path):
    result = measured(run, tmp_path, weight_path=str(run / "run/best_model"))
    with Path(result.per_image[0]).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == [f"images/val_{number}.png" for number in range(3)]
    total = np.zeros((3, 3), int)
    for row in rows:
        for cell in row["confusion"].split():
            truth, prediction, pixels = map(int, re.fullmatch(r"(\d+)>(\d+):(\d+)", cell).groups())
            total[truth, prediction] += pixels
        assert (row["width"], row["height"], row["folder"]) == ("64.0", "64.0", "images")
        assert 0 < float(row["brightness"]) < 255
    assert (total == result.report.matrix).all()


def test_results_are_the_same_to_the_byte(run, tmp_path):
    texts = []
    for name in ("a", "b"):
        result = measured(run, tmp_path / name, weight_path=str(run / "run/best_model"))
        texts.append(Path(result.per_image[0]).read_bytes() + json.dumps(result.as_dict()["interval"]).encode())
    assert texts[0] == texts[1]


def test_groups_are_drawn_together(run, tmp_path):
    settings = {"weight_path": str(run / "run/best_model")}
    config = make_config(tmp_path, run / "data", Evaluate=settings, CheckDataset={"groups": {"pattern": "val_([01])"}})
    values = evaluate(config).as_dict()
    assert (values["interval"]["unit"], values["interval"]["units"]) == ("group", 3)


def test_groups_that_fit_no_image_are_told_and_left_out(run, tmp_path, caplog):
    settings = {"weight_path": str(run / "run/best_model")}
    config = make_config(tmp_path, run / "data", Evaluate=settings, CheckDataset={"groups": {"pattern": "patient_(.)"}})
    with caplog.at_level(logging.WARNING, "segcli.evaluate"):
        values = evaluate(config).as_dict()
    assert values["interval"]["unit"] == "image"
    assert any("no image has a group" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("source", ["model.pdparams", "inference"])
def test_image_on_which_the_network_fails_is_named(run, tmp_path, monkeypatch, source, batch_size):
    def refusing(forward):
        def refuse(images):
            if (images.min(axis=(1, 2, 3)) > 0.9).any():
                raise WeightsError("takes no such image", path="temporary.onnx")
            return forward(images)

        return refuse

    images = tmp_path / "data/images"
    shutil.copytree(run / "data", tmp_path / "data")
    cv2.imwrite(str(images / "val_1.png"), np.full((64, 64, 3), 255, np.uint8))
    of_weights, of_export = opened.trained_forward, paddle_runtime.PaddleRuntime.run
    monkeypatch.setattr(opened, "trained_forward", lambda trained: refusing(of_weights(trained)))
    monkeypatch.setattr(
        paddle_runtime.PaddleRuntime, "run", lambda self, batch: refusing(lambda images: of_export(self, images))(batch)
    )
    settings = {"weight_path": str(run / "run/best_model" / source), "runtime": "paddle", "batch_size": batch_size}
    with pytest.raises(FailedImageError) as raised:
        evaluate(make_config(tmp_path, tmp_path / "data", Evaluate=settings))
    told = "the model fails on this image of 64 x 64 px: takes no such image"
    assert str(raised.value) == f"{images / 'val_1.png'}: {told}\n  -> leave it out of the validation split"


def test_runtime_that_refuses_weights_names_these_and_not_their_export(run, tmp_path, monkeypatch):
    pytest.importorskip("openvino")

    def refuse(*_, **_options):
        raise RuntimeError("no such operator")

    weights = tmp_path / "model.pdparams"
    for name in (weights.name, "model_card.json"):
        shutil.copy(run / "run/best_model" / name, tmp_path)
    monkeypatch.setattr(openvino_runtime, "OpenVinoRuntime", refuse)
    with pytest.raises(SegcliError) as raised:
        measured(run, tmp_path / "out", weight_path=str(weights), runtime="openvino")
    assert str(raised.value).startswith(f"{weights}: openvino cannot run this model: no such operator")


def test_no_intervals_without_replicates(run, tmp_path):
    result = measured(run, tmp_path, weight_path=str(run / "run/best_model"), bootstrap=0)
    assert result.as_dict()["interval"] is None
    assert "[" not in dict(result.summary())["mIoU"]
