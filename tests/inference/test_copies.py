"""The ONNX copy that a fast runtime makes of an exported model is compared before it is used."""

from __future__ import annotations

import logging
import shutil

import numpy as np
import pytest

from segcli.errors import MissingPartError, ParityError
from segcli.inference.exported_model import LOGITS_TENSOR, ONNX_FILE, ExportedModel
from segcli.inference.onnx_conversion import convert_program
from segcli.inference.runtimes import choice, copies
from segcli.inference.runtimes.choice import open_runtime
from segcli.steps.evaluate import open_model as opened
from segcli.steps.evaluate.command import evaluate
from tests.trained_model import make_config, trained_run

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("paddle2onnx")


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "inference"
    shutil.copytree(trained_run() / "run/best_model/inference", folder, ignore=shutil.ignore_patterns(ONNX_FILE))
    return ExportedModel.open(folder)


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A right conversion, made once, and one whose logits are too large."""
    from onnx import helper, numpy_helper

    folder = trained_run() / "run/best_model/inference"
    right = tmp_path_factory.mktemp("onnx") / "right.onnx"
    convert_program(folder / "logits.json", folder / "inference.pdiparams", right)
    graph = onnx.load(str(right))
    last = next(node for node in graph.graph.node if LOGITS_TENSOR in node.output)
    last.output[:] = ["before"]
    graph.graph.initializer.append(numpy_helper.from_array(np.float32([1.1]), "too_much"))
    place = list(graph.graph.node).index(last) + 1
    graph.graph.node.insert(place, helper.make_node("Mul", ["before", "too_much"], [LOGITS_TENSOR]))
    wrong = right.with_name("wrong.onnx")
    onnx.save(graph, str(wrong))
    return right, wrong


@pytest.fixture
def convert(converted, monkeypatch):
    """Makes the converter write the right or the wrong file."""

    def choose(*, wrong: bool):
        monkeypatch.setattr(
            copies, "convert_program", lambda _program, _weights, target: shutil.copy(converted[wrong], target)
        )

    choose(wrong=False)
    return choose


def test_a_copy_that_agrees_is_kept_and_not_compared_again(model, convert, monkeypatch):
    assert open_runtime(model).name == "onnxruntime"
    assert (model.folder / ONNX_FILE).is_file()
    monkeypatch.setattr(copies, "_compare", None)
    assert open_runtime(model).name == "onnxruntime"


def test_a_copy_that_disagrees_is_thrown_away_and_paddle_runs(model, convert, caplog):
    convert(wrong=True)
    before = sorted(path.name for path in model.folder.iterdir())
    with caplog.at_level(logging.WARNING, logger="segcli"):
        assert open_runtime(model).name == "paddle"
    assert "its logits are off" in caplog.text
    assert "on onnxruntime" in caplog.text
    assert sorted(path.name for path in model.folder.iterdir()) == before
    with pytest.raises(ParityError, match="its logits are off"):
        open_runtime(model, "onnxruntime")


def test_weights_measured_through_an_export_of_the_moment_are_compared_with_their_network(
    tmp_path, convert, monkeypatch, caplog
):
    run = trained_run()
    weights = tmp_path / "weights"
    shutil.copytree(run / "run/best_model", weights, ignore=shutil.ignore_patterns("inference"))
    config = make_config(tmp_path, run / "data", Evaluate={"weight_path": str(weights)})
    monkeypatch.setattr(opened, "WORTHWHILE_PIXELS", 1)
    right = evaluate(config)
    assert right.runtime == "onnxruntime"
    convert(wrong=True)
    with caplog.at_level(logging.WARNING, logger="segcli"):
        cautious = evaluate(config)
    assert cautious.runtime == "paddle"
    assert "its logits are off" in caplog.text
    assert np.abs(cautious.report.matrix - right.report.matrix).sum() <= 4


def test_what_a_runtime_cannot_run_is_told_without_a_trace(model, monkeypatch):
    (model.folder / ONNX_FILE).write_bytes(b"no graph")
    with pytest.raises(MissingPartError, match="onnxruntime cannot run this model"):
        open_runtime(model, "onnxruntime")
    monkeypatch.setattr(choice, "is_installed", lambda name: name != "openvino")
    assert open_runtime(model).name == "paddle"
