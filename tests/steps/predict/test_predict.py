from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import segcli
from segcli.config.schema import SlidingWindowConfig
from segcli.data.fingerprint.images import numbers_of
from segcli.data.sources import SourceItem
from segcli.errors import ConfigError, InputError, UsageError, WeightsError
from segcli.inference.exported_model import ExportedModel
from segcli.inference.runtimes import open_graph, paddle_runtime
from segcli.inference.runtimes.choice import open_runtime
from segcli.inference.tiling import NetworkFacts, tiling
from segcli.models.card import ModelCard
from segcli.runtimes import RuntimeRow
from segcli.steps.predict.command import predict
from segcli.steps.predict.unlike import UnlikeInputs
from tests.trained_model import MODEL, make_config, trained_run


@pytest.fixture(scope="module")
def folder():
    return trained_run() / "run/best_model/inference"


@pytest.fixture
def images(tmp_path):
    """Three images of two sizes, two of them called x, and a bad file."""
    rng = np.random.default_rng(0)
    for name, size in (("a/x.png", (50, 70)), ("b/x.png", (50, 70)), ("y.png", (33, 41))):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), cv2.resize(rng.integers(0, 256, (5, 7, 3)).astype(np.uint8), size[::-1]))
    (tmp_path / "in" / "bad.jpg").write_bytes(b"no image")
    return tmp_path / "in"


def run(images, folder, output, **settings):
    values = {"model_dir": str(folder), "input": str(images), "runtime": "paddle", **settings}
    return predict(make_config(output, Predict=values))


def test_a_folder_gives_files_for_every_image_and_names_the_bad_one(images, folder, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="segcli"):
        result = run(images, folder, tmp_path / "out", batch_size=3)
    assert [Path(entry.files["label_map"]).relative_to(tmp_path / "out").as_posix() for entry in result.predicted] == [
        "a/x_res.png",
        "b/x_res.png",
        "y_res.png",
    ]
    assert all(Path(file).is_file() for entry in result.predicted for file in entry.files.values())
    assert [Path(entry.input_path).name for entry in result.failed] == ["bad.jpg"]
    assert "bad.jpg" in caplog.text
    values = result.as_dict()
    assert (values["images"], values["runtime"]) == (3, "paddle")


def test_inputs_unlike_the_training_images_are_told_and_answered(images, folder, tmp_path, caplog):
    model = shutil.copytree(folder, tmp_path / "model")
    replace(ModelCard.beside(model / "any"), inputs=numbers_of(sorted(images.rglob("*.png"))).as_dict()).save(model)
    cv2.imwrite(str(images / "night.png"), np.full((50, 70, 3), 1, np.uint8))
    with caplog.at_level(logging.WARNING, logger="segcli"):
        result = run(images, model, tmp_path / "out")
    assert len(result.predicted) == 4
    (told,) = result.unlike
    assert told.input_path.endswith("night.png")
    assert told.message.startswith("brightness 1 of 255, learnt from")
    assert "night.png is unlike the training images of the model" in caplog.text
    assert any("night.png" in entry["input_path"] for entry in result.as_dict()["unlike_training"])


@pytest.mark.parametrize(("wanted", "is_told"), [(None, True), ((300, 300), False)])
def test_tiles_are_told_for_an_image_that_is_shrunk_much(folder, caplog, wanted, is_told):
    opened = ExportedModel.open(folder)
    inputs = {key: {"min": 300, "median": 300, "max": 300} for key in ("width_px", "height_px")}
    model = replace(
        opened, card=replace(opened.card, inputs=inputs), preprocess=replace(opened.preprocess, size=(64, 64))
    )
    window = None if wanted is None else SlidingWindowConfig(crop_size=wanted, stride=wanted)
    tiles = tiling(window, 1000, NetworkFacts(model.preprocess, model.input_size, inputs, "paddle"))
    items = [SourceItem("large.png", None, Path("large"), np.full((300, 1300, 3), 128, np.uint8))]
    with caplog.at_level(logging.WARNING, logger="segcli"):
        list(UnlikeInputs(model, tiles).watched(items))
    assert "width 1300 px, learnt from 300 to 300" in caplog.text
    told = "-o Predict.sliding_window.crop_size=[300,300] -o Predict.sliding_window.stride=[225,225]"
    assert (told in caplog.text) is is_told


def test_deep_images_are_read_by_the_range_that_the_model_has_learnt(folder, tmp_path):
    model = shutil.copytree(folder, tmp_path / "model")
    manifest = model / "inference.yml"
    manifest.write_text(manifest.read_text().replace("Segcli:\n", "Segcli:\n  image_range: [0, 4095]\n"))
    rgb = cv2.resize(np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8), (70, 50))
    cv2.imwrite(str(tmp_path / "deep.png"), np.rint(rgb / 255 * 4095).astype(np.uint16))
    cv2.imwrite(str(tmp_path / "plain.png"), rgb)
    opened = segcli.create_model(MODEL, model, runtime="paddle")
    deep, plain = (next(opened.predict(str(tmp_path / f"{name}.png"))) for name in ("deep", "plain"))
    np.testing.assert_array_equal(deep["pred"], plain["pred"])
    by_command = run(tmp_path / "deep.png", model, tmp_path / "out")
    labels = np.asarray(Image.open(by_command.predicted[0].files["label_map"]))
    np.testing.assert_array_equal(labels, plain["pred"][0])


def test_a_batch_of_different_sizes_equals_single_images(images, folder):
    model = segcli.create_model(MODEL, model_dir=folder, runtime="paddle")
    together = {result["input_path"]: result.labels for result in model.predict(str(images), batch_size=4)}
    assert len(together) == 3
    for path, labels in together.items():
        (alone,) = model.predict(path)
        assert np.array_equal(alone.labels, labels)
        assert alone["pred"].shape == (1, *cv2.imread(path).shape[:2])


def test_target_size_and_tiles_keep_the_images_size(images, folder):
    model = segcli.create_model(MODEL, model_dir=folder, engine="paddle")
    (resized,) = model.predict(str(images / "y.png"), target_size=64)
    assert resized.labels.shape == (33, 41)
    window = SlidingWindowConfig(crop_size=(32, 32), stride=(20, 20))
    tiled = segcli.create_model(MODEL, model_dir=folder, engine="paddle", sliding_window=window)
    (result,) = tiled.predict(str(images / "y.png"))
    assert result.labels.shape == (33, 41)


def test_every_runtime_gives_the_same_labels(images, folder, tmp_path):
    pytest.importorskip("paddle2onnx")
    copy = tmp_path / "inference"
    shutil.copytree(folder, copy)
    maps = {}
    for name in ("paddle", "onnxruntime", "openvino"):
        pytest.importorskip(name)
        (result,) = segcli.create_model(MODEL, model_dir=copy, runtime=name).predict(str(images / "y.png"))
        maps[name] = result.labels
    assert (maps["onnxruntime"] == maps["paddle"]).mean() > 0.999
    assert (maps["openvino"] == maps["paddle"]).mean() > 0.999


def test_auto_falls_back_with_one_warning(folder, monkeypatch, caplog):
    def fail(row):
        if row.name != "paddle":
            raise RuntimeError("cannot be opened")
        return paddle_runtime

    monkeypatch.setattr(open_graph, "module_of", fail)
    monkeypatch.setattr(RuntimeRow, "is_installed", property(lambda _row: True))
    with caplog.at_level(logging.WARNING, logger="segcli"):
        assert open_runtime(ExportedModel.open(folder)).name == "paddle"
    assert len(caplog.records) == 1
    assert "onnxruntime cannot run this model: cannot be opened" in caplog.text
    assert "openvino cannot run this model: cannot be opened" in caplog.text


def test_a_label_program_alone_works_as_paddlexs_exports_do(folder, images, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for name in ("inference.json", "inference.pdiparams"):
        shutil.copy(folder / name, theirs / name)
    (theirs / "inference.yml").write_text(
        f"Global: {{model_name: {MODEL}}}\nDeploy: {{transforms: [{{type: Normalize}}]}}\n"
    )
    (ours,) = segcli.create_model(MODEL, model_dir=folder, runtime="paddle").predict(str(images / "y.png"))
    (result,) = segcli.create_model(MODEL, model_dir=theirs, runtime="paddle").predict(str(images / "y.png"))
    assert np.array_equal(result.labels, ours.labels)
    assert result.classes.names[2] == "class_2"


def test_labels_on_disk_equal_the_result(folder, images, tmp_path):
    result = run(images / "y.png", folder, tmp_path / "out")
    (alone,) = segcli.create_model(MODEL, model_dir=folder, runtime="paddle").predict(str(images / "y.png"))
    with Image.open(result.predicted[0].files["label_map"]) as label_map:
        assert np.array_equal(np.asarray(label_map), alone.labels)


def test_only_bad_inputs_are_an_error(images, folder, tmp_path):
    with pytest.raises(InputError, match="none of 1 inputs has a result"):
        run(images / "bad.jpg", folder, tmp_path / "out")
    with pytest.raises(InputError):
        list(segcli.create_model(MODEL, model_dir=folder, runtime="paddle").predict(str(images / "bad.jpg")))


def test_what_cannot_work_says_what_to_do(images, folder, tmp_path):
    with pytest.raises(ConfigError, match=r"Predict\.input"):
        predict(make_config(tmp_path, Predict={"model_dir": str(folder)}))
    with pytest.raises(UsageError, match="holds PP-LiteSeg-T, not SegFormer-B0"):
        segcli.create_model("SegFormer-B0", model_dir=folder)
    with pytest.raises(WeightsError, match="no such folder"):
        segcli.create_model(MODEL, model_dir=tmp_path / "gone")
    with pytest.raises(WeightsError, match="give model_dir"):
        segcli.create_model(MODEL)


def test_a_stopped_run_goes_on_with_what_is_missing(images, folder, tmp_path):
    whole = run(images, folder, tmp_path / "out")
    (tmp_path / "out/y_res.json").unlink()
    stamps = {entry.files["json"]: Path(entry.files["json"]).stat().st_mtime_ns for entry in whole.predicted[:2]}
    again = run(images, folder, tmp_path / "out", skip_existing=True)
    assert [Path(entry.input_path).name for entry in again.predicted] == ["y.png"]
    assert again.skipped == 2 and len(again.failed) == 1
    assert all(Path(name).stat().st_mtime_ns == stamp for name, stamp in stamps.items())
    third = run(images, folder, tmp_path / "out", skip_existing=True)
    assert (third.skipped, third.predicted) == (3, ())
    assert ("images", "0") in third.summary() and "found" not in dict(third.summary())
