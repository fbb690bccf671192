"""How a model was measured: calibration and export, views, resolution, absent classes, and what the result says."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.data.files import sha256_of
from segcli.errors import ConfigError, UsageError
from segcli.inference.activation import tempered
from segcli.inference.exported_model import ExportedModel
from segcli.steps.evaluate.command import evaluate
from segcli.steps.evaluate.protocol import command_of
from segcli.steps.export.command import export_weights
from segcli.steps.predict.command import predict
from tests.instance_run import configure
from tests.trained_instance import MODEL as INSTANCE_MODEL
from tests.trained_instance import trained_instance_run
from tests.trained_model import make_config, trained_run


def measured(output: Path, **settings):
    run = trained_run()
    values = {"weight_path": str(run / "run/best_model/model.pdparams"), "runtime": "paddle", **settings}
    return evaluate(make_config(output, run / "data", Evaluate=values))


@pytest.mark.slow
def test_a_temperature_is_found_exported_and_used(tmp_path):
    run = trained_run()
    found = measured(tmp_path, calibration=True)
    values = found.as_dict()
    heat = values["calibration"]["temperature"]
    assert heat == values["metrics"]["temperature"] != 1
    assert values["provenance"]["ECE"]["oracle"].startswith("scikit-learn")
    assert values["interval"]["ECE"] is not None
    assert cv2.imread(values["calibration"]["reliability"]).std() > 5
    assert sum(values["calibration"]["curve"]["predictions"]) == 3 * 64 * 64

    weights = run / "run/best_model/model.pdparams"
    export_weights(weights, tmp_path / "inference", make_config(tmp_path, run / "data", Export={"verify": False}))
    assert ExportedModel.open(tmp_path / "inference").temperature == pytest.approx(heat)
    cooled = measured(tmp_path / "again", calibration=True, weight_path=str(tmp_path / "inference")).as_dict()
    assert cooled["calibration"]["temperature"] == pytest.approx(heat, rel=1e-3), (
        "of the logits, whatever the export says"
    )
    assert cooled["metrics"]["ECE"] < values["metrics"]["ECE"]
    assert cooled["metrics"]["mIoU"] == pytest.approx(values["metrics"]["mIoU"], abs=1e-4)

    given = make_config(tmp_path, run / "data", Export={"verify": False, "temperature": 3})
    assert ExportedModel.open(export_weights(weights, tmp_path / "three", given).folder).temperature == 3
    other = make_config(tmp_path / "elsewhere", run / "data", Export={"verify": False})
    assert ExportedModel.open(export_weights(weights, tmp_path / "one", other).folder).temperature == 1

    sure = {}
    for name in ("one", "three"):
        settings = {"model_dir": str(tmp_path / name), "input": str(run / "data/images"), "runtime": "paddle"}
        result = predict(make_config(tmp_path / f"of_{name}", Predict={**settings, "confidence": True}))
        entry = result.predicted[0].files
        sure[name] = cv2.imread(str(entry["confidence"]), cv2.IMREAD_UNCHANGED)
        assert sure[name].shape == (64, 64)
        assert all("confidence" in one for one in json.loads(Path(entry["json"]).read_text())["classes"])
    assert sure["three"].mean() < sure["one"].mean(), "a higher temperature is less sure"
    assert sure["three"].min() >= 255 // 3


def test_views_change_the_answer_alike_in_evaluate_and_predict(tmp_path):
    run = trained_run()
    plain, flipped = measured(tmp_path), measured(tmp_path, augment={"flip": True, "scales": [0.5, 1.0]})
    assert (plain.report.matrix != flipped.report.matrix).any()
    settings = {"model_dir": str(run / "run/best_model/inference"), "input": str(run / "data"), "runtime": "paddle"}
    found = predict(
        make_config(
            tmp_path / "out", run / "data", Predict={**settings, "augment": {"flip": True, "scales": [0.5, 1.0]}}
        )
    )
    names = {Path(one.input_path).stem: one.files["label_map"] for one in found.predicted}
    files = tmp_path / "files"
    files.mkdir()
    for line in (run / "data/val.txt").read_text().split("\n"):
        if line:
            stem = Path(line.split()[0]).stem
            (files / f"{stem}.png").write_bytes(Path(names[stem]).read_bytes())
    again = evaluate(make_config(tmp_path / "again", run / "data", Evaluate={"predictions": str(files)}))
    assert (again.report.matrix == flipped.report.matrix).all()
    with pytest.raises(UsageError, match="cannot be applied to prediction files"):
        evaluate(make_config(tmp_path, run / "data", Evaluate={"predictions": str(files), "augment": {"flip": True}}))
    with pytest.raises(UsageError, match="probabilities of a network"):
        evaluate(make_config(tmp_path, run / "data", Evaluate={"predictions": str(files), "calibration": True}))


def test_views_of_objects(tmp_path):
    run = trained_instance_run()
    plain = evaluate(configure(INSTANCE_MODEL, run / "data", run / "run"))
    views = evaluate(configure(INSTANCE_MODEL, run / "data", run / "run", Evaluate={"augment": {"flip": True}}))
    assert views.report.detections != plain.report.detections
    with pytest.raises(UsageError, match=r"augment\.scales"):
        evaluate(configure(INSTANCE_MODEL, run / "data", run / "run", Evaluate={"augment": {"scales": [0.5]}}))
    values = plain.as_dict()
    assert values["calibration"]["ECE"] is not None
    assert set(values["calibration"]["classes"]) == {"кот", "dog"}
    assert "curve" in values["calibration"]
    assert 0.1 <= values["calibration"]["temperature"] <= 10
    assert values["calibration"]["ECE_calibrated"] is not None


@pytest.mark.slow
def test_the_temperature_of_scores_is_exported_and_used(tmp_path):
    run = trained_instance_run()
    weights = run / "run/best_model/best_model.pdparams"

    def measured_objects(output, **settings):
        values = {"weight_path": str(weights), "runtime": "paddle", **settings}
        return evaluate(configure(INSTANCE_MODEL, run / "data", output, Evaluate=values)).as_dict()

    def exported(output, folder, **settings):
        config = configure(INSTANCE_MODEL, run / "data", output, Export={"verify": False, **settings})
        return export_weights(weights, folder, config).folder

    found = measured_objects(tmp_path, calibration=True)
    heat = found["calibration"]["temperature"]
    assert Path(found["calibration"]["file"]).is_file()
    assert heat != 1
    warm = exported(tmp_path, tmp_path / "warm")
    assert ExportedModel.open(warm).temperature == pytest.approx(heat)
    again = measured_objects(tmp_path / "again", weight_path=str(warm))
    assert again["calibration"]["ECE"] == pytest.approx(found["calibration"]["ECE_calibrated"], abs=0.02)
    assert again["calibration"]["temperature"] == pytest.approx(heat, rel=1e-3), "of the network's own scores"
    assert "file" not in again["calibration"], "is saved on request only"
    assert again["mask"] == pytest.approx(found["mask"], abs=1e-6, nan_ok=True)

    plain = exported(tmp_path / "elsewhere", tmp_path / "plain")
    hot = exported(tmp_path / "elsewhere", tmp_path / "hot", temperature=3)
    scores = {}
    for folder in (plain, hot):
        settings = {"model_dir": str(folder), "input": str(run / "data/images"), "runtime": "paddle", "threshold": 0.2}
        done = predict(configure(INSTANCE_MODEL, run / "data", tmp_path / f"of_{folder.name}", Predict=settings))
        entries = [json.loads(Path(one.files["json"]).read_text(encoding="utf-8")) for one in done.predicted]
        scores[folder.name] = sorted(box["score"] for entry in entries for box in entry["boxes"])
    assert min(scores["hot"]) >= 0.2
    assert len(scores["hot"]) > len(scores["plain"]) > 0, "of an unsure score little is left to divide"
    best = scores["plain"][-1]
    assert scores["hot"][-1] == pytest.approx(float(tempered(np.float64(best), 3)), abs=1e-4)


def test_absent_classes_are_counted_by_the_name_of_a_program(tmp_path):
    ways = {way: measured(tmp_path, absent_class=way) for way in ("exclude", "mmseg", "zero", "paddleseg")}
    scores = {way: one.report.miou for way, one in ways.items()}
    assert scores["exclude"] == scores["mmseg"]
    assert scores["zero"] == scores["paddleseg"]
    assert ways["mmseg"].as_dict()["empty_class_policy"].endswith("as in mmsegmentation 1.2")


def test_network_size_brings_the_masks_to_the_networks_input(tmp_path):
    run = trained_run()
    settings = {"resolution": "network", "weight_path": str(run / "run/best_model/model.pdparams"), "runtime": "paddle"}
    config = make_config(tmp_path, run / "data", Evaluate=settings, Export={"input_shape": [1, 3, 32, 48]})
    assert evaluate(config).report.matrix.sum() == 3 * 32 * 48
    assert measured(tmp_path).report.matrix.sum() == 3 * 64 * 64


def test_the_loss_by_tiles_is_that_of_two_evaluations(tmp_path):
    window = {"crop_size": [40, 40], "stride": [24, 24]}
    whole = measured(tmp_path / "whole").as_dict()["metrics"]["mIoU"]
    done = measured(tmp_path / "tiles", sliding_window=window, tile_loss=True)
    values = done.as_dict()["metrics"]
    assert values["whole_IoU"] == whole
    assert values["tile_loss"] == pytest.approx(whole - values["mIoU"], abs=1e-12)
    assert 0 < values["tile_disagreement"] < 1
    assert dict(done.summary())["tile_loss"].startswith(f"{values['tile_loss']:.4f}")


def test_the_result_says_how_it_came_about_and_is_the_same_to_the_byte(tmp_path):
    run = trained_run()
    weights = run / "run/best_model/model.pdparams"
    files = (
        "evaluate_result.json",
        "per_image.csv",
        "evaluate_report.html",
        "evaluate_report.md",
        "confusion_matrix.png",
    )
    texts = []
    command = ["evaluate", str(run / "data"), "--model", "PP-LiteSeg-T", "--output", str(tmp_path)]
    for key in (f"weight_path={weights}", "surface_tolerance=2", "region_recall=true"):
        command += ["-o", f"Evaluate.{key}"]
    for _ in range(2):
        outcome = CliRunner().invoke(main, command)
        assert outcome.exit_code == 0, outcome.output
        texts.append([(tmp_path / name).read_bytes() for name in files])
    for name, first, second in zip(files, *texts, strict=True):
        assert first == second, name
    values = json.loads(texts[0][0])
    assert values["protocol"]["surface_tolerance"] == 2
    assert values["protocol"]["absent_class"] == "exclude"
    assert "max_detections" not in values["protocol"], "that is for objects"
    assert values["digests"]["weights"] == sha256_of(weights)
    assert values["digests"]["images"] == 3
    assert {"segcli", "python", "numpy", "cv2", "paddle"} <= values["versions"].keys()
    assert {"NSD", "HD95", "recall_small"} <= values["metrics"].keys()
    again = CliRunner().invoke(main, [*shlex.split(values["command"])[1:], "--output", str(tmp_path / "again")])
    assert again.exit_code == 0, again.output
    assert (tmp_path / "again/per_image.csv").read_bytes() == texts[0][1]


def test_the_command_names_weights_that_the_output_folder_stands_for(tmp_path):
    weights, data = tmp_path / "run/best_model/model.pdparams", tmp_path / "data"
    for config in (
        make_config(tmp_path / "run", data),
        make_config(tmp_path, data, Evaluate={"weight_path": str(weights)}),
    ):
        words = shlex.split(command_of(config, weights))
        assert words[words.index("--weights") + 1] == str(weights) and "weight_path" not in " ".join(words)
    found = make_config(tmp_path, data, Evaluate={"predictions": "found"})
    assert "--weights" not in command_of(found, Path("found"))


def test_the_digest_of_the_data_moves_with_one_pixel(tmp_path):
    import shutil

    run = trained_run()
    shutil.copytree(run / "data", tmp_path / "data")
    settings = {"weight_path": str(run / "run/best_model/model.pdparams"), "runtime": "paddle", "gallery": 0}

    def digest() -> str:
        found = evaluate(make_config(tmp_path / "out", tmp_path / "data", Evaluate=settings))
        return str(found.as_dict()["digests"]["data"])

    before = digest()
    mask = next(Path(line.split()[1]) for line in (tmp_path / "data/val.txt").read_text().splitlines() if line)
    pixels = cv2.imread(str(tmp_path / "data" / mask), cv2.IMREAD_UNCHANGED)
    pixels[0, 0] = 1 - min(int(np.ravel(pixels[0, 0])[0]), 1)
    cv2.imwrite(str(tmp_path / "data" / mask), pixels)
    assert digest() != before


def test_slices_by_wanted_columns(tmp_path):
    found = measured(tmp_path, slice_by=["sharpness", "IoU red"])
    assert {one.column for one in found.slices} <= {"sharpness", "IoU red"}
    with Path(found.per_image[0]).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(float(row["contrast"]) > 0 for row in rows)
    with pytest.raises(UsageError, match=r"slice_by names colour, .*hint|slice_by names colour"):
        measured(tmp_path, slice_by=["colour"])


def test_borders_must_rise():
    with pytest.raises((ConfigError, ValueError), match="second border"):
        make_config(Path("out"), Evaluate={"frequency_borders": [100, 10]})
