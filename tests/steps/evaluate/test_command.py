from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import pytest

from segcli.errors import UsageError, WeightsError
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
    assert {"mIoU", "Acc", "Kappa", "Dice"} == set(values["metrics"])
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
    with pytest.raises(UsageError, match="no weights to measure"):
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
