"""Every instance model trains, is measured, exported and predicts, from random weights on two tiny classes."""

from __future__ import annotations

import pytest

from segcli.models.instance.table import SIZED, MaskForm, has_onnx_form
from segcli.steps.evaluate.command import evaluate
from segcli.steps.export.command import export
from segcli.steps.predict.command import predict
from segcli.steps.train.command import train
from tests.instance_run import configure, make_rectangles
from tests.random_instance import save_random_weights

QUICK = ("PP-YOLOE_seg-S", "SeedUNet-S")
MODELS = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SIZED]


@pytest.mark.parametrize("name", MODELS)
def test_train_evaluate_export_predict(name, tmp_path):
    dataset = make_rectangles(tmp_path / "data")
    run = tmp_path / "run"
    # weights that find something, and steps too small to change that where features are large, so that there are
    # objects to compare on any processor
    weights = save_random_weights(name, tmp_path / "start")
    settings = {
        "Train": {"pretrain_weight_path": str(weights), "learning_rate": 1e-12},
        "Predict": {"model_dir": str(run / "inference"), "input": str(dataset / "images"), "threshold": 0.02},
    }
    config = configure(name, dataset, run, **settings)

    trained = train(config)
    measured = evaluate(config).as_dict()
    exported = export(config)
    predicted = predict(config)

    assert trained.iterations == 2
    assert (run / "best_model" / "best_model.pdparams").is_file()
    assert measured["metrics"]["AP"] == pytest.approx(trained.best_score, abs=1e-6)
    assert measured["images"] == 2
    assert measured["objects"] == 4
    assert set(measured["classes"]) == {"кот", "dog"}
    split = not has_onnx_form(name)
    converted = "stem.onnx" if split else "inference.onnx"
    whole = {"inference.json"} if SIZED[name].masks is not MaskForm.PIXELS else set()  # what PaddleX reads
    assert {entry.file for entry in exported.parity} == {"objects.json", converted, *whole}
    assert min(entry.objects for entry in exported.parity) > 0
    assert len(predicted.predicted) == 6
    assert predicted.failed == ()
    # the fastest that was proven; a random network may find nothing by which the others could be
    fast = ("onnxruntime", "openvino")
    assert predicted.runtime in {"paddle", *(f"{name}+paddle" if split else name for name in fast)}
