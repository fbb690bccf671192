from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import yaml

from segcli.errors import ExportError, ParityError, UsageError, WeightsError
from segcli.inference.exported_model import ExportedModel
from segcli.inference.onnx_conversion import convert_program, converter_installed
from segcli.inference.runtimes.choice import open_runtime
from segcli.inference.runtimes.openvino_runtime import convert_onnx
from segcli.models.table import get_spec
from segcli.steps.export import semantic
from segcli.steps.export.command import export, export_weights
from segcli.steps.export.frame import warn_of_size
from tests.trained_model import MODEL, NAMES, make_config, trained_run


@pytest.fixture(scope="module")
def run():
    return trained_run()


@pytest.fixture
def model(run):
    return ExportedModel.open(run / "run/best_model/inference")


def test_the_manifest_is_what_paddlex_reads(run):
    values = yaml.safe_load((run / "run/best_model/inference/inference.yml").read_text())
    assert values["Global"]["model_name"] == MODEL
    assert values["Deploy"]["transforms"] == [{"type": "Normalize", "mean": [0.5] * 3, "std": [0.5] * 3}]
    assert "Hpi" in values
    assert values["PostProcess"]["label_list"] == list(NAMES)


def test_every_file_that_the_manifest_names_is_there(run):
    folder = run / "run/best_model/inference"
    files = yaml.safe_load((folder / "inference.yml").read_text())["Segcli"]["files"]
    made = {"onnx"} if converter_installed() else set()
    assert {"paddle", "paddle_logits", "paddle_weights"} | made == set(files) - {"manifest", "card"}
    assert all((folder / name).is_file() for name in files.values())
    assert not (folder / "logits.pdiparams").exists(), "both programs share one weight file"


def test_the_model_reads_back_with_its_classes(model):
    assert model.classes is not None and model.classes.names == NAMES
    assert model.input_size is None and model.batch_limit is None
    assert model.card is not None and model.card.model_name == MODEL


def test_paddlex_gets_labels_and_we_get_logits_of_any_size(model):
    from segcli.inference.runtimes.paddle_runtime import PaddleRuntime

    images = np.random.default_rng(0).standard_normal((2, 3, 45, 70)).astype(np.float32)
    labels = PaddleRuntime(model.folder / "inference.json", model.folder / "inference.pdiparams", "cpu", 2).run(images)
    logits = open_runtime(model, "paddle").run(images)
    assert labels.shape == (2, 45, 70) and labels.dtype == np.int32
    assert logits.shape == (2, 3, 45, 70)
    assert (labels == logits.argmax(1)).all()


def test_onnx_and_openvino_agree_with_paddle(model, tmp_path):
    pytest.importorskip("paddle2onnx")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("openvino")
    copy = tmp_path / "inference"
    shutil.copytree(model.folder, copy)
    convert_program(copy / "logits.json", copy / "inference.pdiparams", copy / "inference.onnx")
    convert_onnx(copy / "inference.onnx", copy / "inference.xml")
    images = np.random.default_rng(1).standard_normal((1, 3, 45, 70)).astype(np.float32)
    copied = ExportedModel.open(copy)
    expected = open_runtime(copied, "paddle").run(images)
    for name in ("onnxruntime", "openvino"):
        logits = open_runtime(copied, name).run(images)
        assert np.abs(logits - expected).max() < 1e-3 * np.abs(expected).max()


def test_a_failed_conversion_says_why_and_leaves_nothing(model, tmp_path):
    pytest.importorskip("paddle2onnx")
    copy = tmp_path / "inference"
    shutil.copytree(model.folder, copy)
    (copy / "logits.json").write_text("{}")
    with pytest.raises(ExportError, match="conversion to ONNX failed"):
        convert_program(copy / "logits.json", copy / "inference.pdiparams", copy / "other.onnx")
    assert {path.name for path in copy.iterdir()} == {path.name for path in model.folder.iterdir()}


def test_a_difference_keeps_the_old_export(run, tmp_path, monkeypatch):
    weights = run / "run/best_model/model.pdparams"
    target = tmp_path / "inference"
    target.mkdir()
    (target / "old").touch()

    def spoil(trained, *_args):
        tensor = trained.network.parameters()[0]
        tensor.set_value(tensor * 3)
        return original(trained, *_args)

    original = semantic.write_files
    monkeypatch.setattr(semantic, "write_files", spoil)
    with pytest.raises(ParityError):
        export_weights(weights, target, make_config(tmp_path, run / "data"))
    assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["inference"]


def test_the_result_says_on_what_was_compared(run, tmp_path):
    weights = run / "run/best_model/model.pdparams"
    config = make_config(tmp_path, run / "data", Export={"weight_path": str(weights), "input_shape": [1, 3, 48, 64]})
    values = export(config).as_dict()
    assert json.loads(json.dumps(values))["verified"] is True
    assert values["input_shape"] == [1, 3, 48, 64]
    assert str(run / "data") in values["compared_on"]
    compared = {"inference.json", "logits.json"} | ({"inference.onnx"} if converter_installed() else set())
    assert {entry["file"] for entry in values["parity"]} == compared
    reopened = ExportedModel.open(tmp_path / "inference")
    assert (reopened.input_size, reopened.batch_limit) == ((48, 64), 1)


def test_weights_of_another_model_and_missing_weights_are_refused(run, tmp_path):
    with pytest.raises(UsageError, match="there are no weights here"):
        export(make_config(tmp_path))
    config = make_config(tmp_path, Export={"weight_path": str(run / "run/best_model/model.pdparams")})
    other = config.model_copy(update={"Global": config.Global.model_copy(update={"model": "SegFormer-B0"})})
    with pytest.raises(WeightsError, match=f"holds {MODEL}"):
        export(other)


def test_the_format_before_paddle_3_is_refused(run, tmp_path):
    config = make_config(tmp_path)
    older = config.model_copy(update={"Global": config.Global.model_copy(update={"export_with_pir": False})})
    with pytest.raises(ExportError, match="no longer writes"):
        export_weights(run / "run/best_model/model.pdparams", tmp_path / "inference", older)


def test_a_network_without_free_size_gets_its_own():
    fixed = get_spec("MaskFormer_tiny")
    assert semantic.input_shape(fixed, None) == (1, 3, 512, 512)
    with pytest.raises(ExportError, match="free size"):
        semantic.input_shape(fixed, (1, 3, -1, -1))
    assert semantic.input_shape(get_spec(MODEL), None) == (-1, 3, -1, -1)


def test_static_mode_is_over_after_the_export(run):
    import paddle

    assert paddle.in_dynamic_mode()


@pytest.mark.parametrize(
    ("exported", "said"),
    [
        ((64, 96), None),
        ((-1, -1), "exported with a free size"),
        ((96, 64), "trained and measured at 96 x 64, exported at 64 x 96"),
    ],
)
def test_an_export_that_sees_images_in_another_size_than_the_training_is_told(caplog, exported, said):
    warn_of_size((64, 96), exported)
    assert (said or "") in caplog.text and bool(caplog.records) == (said is not None)
