"""The commands of `segcli`: what they make of their options."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from segcli import app
from segcli.cli.main import main
from segcli.runtimes import other_runtime
from segcli.version import __version__
from tests.seg_folder import make_seg_folder
from tests.trained_model import save_weights

COMMANDS = (
    "check",
    "convert",
    "split",
    "train",
    "evaluate",
    "export",
    "predict",
    "models",
    "weights",
    "demo",
    "doctor",
)


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch):
    """Runs a command up to the mode: exit code and the loaded configuration."""
    seen: list[Any] = []

    def run_mode(loaded, *, debug: bool = False) -> int:
        seen.append(loaded)
        return 0

    monkeypatch.setattr(app, "run_mode", run_mode)

    def call(*arguments: str):
        outcome = CliRunner().invoke(main, list(arguments))
        return outcome, (seen[-1] if seen else None)

    return call


def test_help_lists_every_command(invoke):
    outcome, _ = invoke("--help")
    assert outcome.exit_code == 0
    assert all(command in outcome.output for command in COMMANDS)


def test_the_remedy_of_another_runtime_works_as_typed(invoke):
    remedy = other_runtime("paddle", "openvino")
    assert remedy == "use --runtime paddle or openvino (with evaluate -o Evaluate.runtime=paddle)"
    _, predicted = invoke("predict", "images", "-m", "UNet-S", "--runtime", "paddle")
    assert predicted.config.Predict.runtime == "paddle"
    _, evaluated = invoke("evaluate", "data", "-m", "UNet-S", "-o", "Evaluate.runtime=paddle")
    assert evaluated.config.Evaluate.runtime == "paddle"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, invoke):
    assert invoke(command, "--help")[0].exit_code == 0


def test_version(invoke):
    assert __version__ in invoke("--version")[0].output


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["check", "d"], {"Global.mode": "check_dataset", "Global.dataset_dir": "d", "Global.model": "PP-LiteSeg-T"}),
        (["check", "d", "--task", "instance"], {"Global.model": "Mask-RT-DETR-S"}),
        (["convert", "d"], {"CheckDataset.convert.enable": True, "CheckDataset.convert.src_dataset_type": "LabelMe"}),
        (["split", "d", "--train-percent", "70", "--seed", "3"],
         {"CheckDataset.split.train_percent": 70, "CheckDataset.split.val_percent": 30, "CheckDataset.split.seed": 3}),
        (["train", "--dataset", "d", "-m", "SegFormer-B0", "--epochs-iters", "7", "-o", "Train.batch_size=5"],
         {"Global.mode": "train", "Train.epochs_iters": 7, "Train.batch_size": 5, "Global.model": "SegFormer-B0"}),
        (["train", "d", "--time", "10m"],
         {"Global.model": "UNet-S", "Train.plan": "auto", "Train.time": "10m"}),
        (["train", "--dataset", "d", "-m", "SOLOv2", "--resume"], {"Train.resume_path": "last"}),
        (["evaluate", "--dataset", "d", "-m", "SOLOv2", "--weights", "w"], {"Evaluate.weight_path": "w"}),
        (["export", "-m", "SOLOv2", "--format", "onnx", "--format", "paddle"], {"Export.formats": ("onnx", "paddle")}),
        (["export", "-m", "SOLOv2", "--dataset", "d"], {"Global.dataset_dir": "d"}),
        (["predict", "a.jpg", "b.jpg", "-m", "SOLOv2", "--batch-size", "4"],
         {"Predict.input": ("a.jpg", "b.jpg"), "Predict.batch_size": 4}),
        (["predict", "a.jpg", "-m", "SOLOv2", "--json", "full"], {"Predict.json_form": "full"}),
    ],
)  # fmt: skip
def test_options_become_the_configuration(arguments: list[str], expected: dict[str, Any], invoke):
    outcome, loaded = invoke(*arguments)
    assert outcome.exit_code == 0, outcome.output
    for key, value in expected.items():
        held = loaded.config
        for name in key.split("."):
            held = getattr(held, name)
        assert held == value, key


def test_the_origin_of_an_option_is_its_name(invoke):
    loaded = invoke("train", "--dataset", "d", "-m", "SOLOv2", "--batch-size", "4")[1]
    assert loaded.origins["Train.batch_size"] == "--batch-size"
    assert loaded.origins["Global.model"] == "--model"


def test_later_steps_go_on_from_the_folder_of_a_training(invoke, tmp_path: Path):
    (tmp_path / "config.yaml").write_text(
        f"Global: {{model: SegFormer-B1, dataset_dir: d, mode: train, output: {tmp_path}}}\n", encoding="utf-8"
    )
    config = invoke("evaluate", "--output", str(tmp_path))[1].config
    assert (config.Global.model, config.Global.mode, config.Global.dataset_dir) == ("SegFormer-B1", "evaluate", "d")


def test_an_exported_model_brings_its_name(invoke, tmp_path: Path):
    (tmp_path / "inference.yml").write_text("Global:\n  model_name: SeaFormer_tiny\n", encoding="utf-8")
    assert invoke("predict", "a.jpg", "--model-dir", str(tmp_path))[1].config.Global.model == "SeaFormer_tiny"
    around = tmp_path / "best_model"
    around.mkdir()
    shutil.copytree(tmp_path, around / "inference", ignore=lambda *_: ["best_model"])
    assert invoke("predict", "a.jpg", "--model-dir", str(around))[1].config.Global.model == "SeaFormer_tiny"


@pytest.mark.parametrize("command", ["evaluate", "export"])
def test_weights_bring_the_name_on_their_card(command: str, invoke, tmp_path: Path):
    weights = save_weights(tmp_path / "w", model="SeaFormer_tiny")
    elsewhere = "--dataset", "d", "--output", str(tmp_path / "out"), "--weights", str(weights)
    loaded = invoke(command, *elsewhere)[1]
    assert loaded.config.Global.model == "SeaFormer_tiny" and loaded.origins["Global.model"] == "--weights"
    assert invoke(command, *elsewhere, "-m", "PP-LiteSeg-T")[1].config.Global.model == "PP-LiteSeg-T"


def test_files_to_write_are_given_with_commas_or_one_by_one(invoke):
    options = "--model", "SeaFormer_tiny", "--write", "label,coco", "--write", "overlay"
    assert invoke("predict", "a.jpg", *options)[1].config.Predict.write == ("label", "coco", "overlay")
    formats = invoke("export", "--model", "SeaFormer_tiny", "--format", "onnx,openvino")[1].config.Export.formats
    assert set(formats) == {"onnx", "openvino"}


def test_a_fault_ends_with_2(invoke):
    assert invoke("evaluate", "--dataset", "d")[0].exit_code == 2
    assert invoke("train", "-m", "PP-LiteSeg-Z", "--dataset", "d")[0].exit_code == 2
    assert invoke("train", "--no-such-option")[0].exit_code == 2


def test_models_are_listed_by_task(invoke):
    output = invoke("models", "--task", "semantic")[0].output
    assert "PP-LiteSeg-T" in output and "8.2 M" in output and "SOLOv2" not in output
    assert invoke("models", "--task", "nonsense")[0].exit_code == 2


def test_no_name_of_a_model_is_broken_in_a_narrow_terminal(invoke, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    lines = invoke("models")[0].output.splitlines()
    listed = json.loads(invoke("models", "--json")[0].output)["models"]

    assert {row["name"] for row in listed} <= {line.split(" ")[0] for line in lines}
    assert max(map(len, lines)) <= 80


def test_weights_are_inspected(invoke, tmp_path: Path):
    import numpy as np

    from segcli.weights.files import write_safetensors

    path = tmp_path / "w.safetensors"
    write_safetensors(path, {"conv.weight": np.zeros((2, 3), np.float32)})
    outcome, _ = invoke("weights", "inspect", str(path))
    assert outcome.exit_code == 0
    assert "conv.weight" in outcome.output and "2 x 3" in outcome.output
    assert invoke("weights", "inspect", str(tmp_path / "absent.pdparams"))[0].exit_code == 2


def test_the_demo_dataset_is_generated_once(invoke, tmp_path: Path):
    arguments = ("demo", str(tmp_path / "d"), "--images", "5")
    assert invoke(*arguments)[0].exit_code == 0
    assert invoke(*arguments)[0].exit_code == 2


def test_a_change_is_shown_made_and_taken_back(invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = tmp_path / "data"
    assert invoke("demo", str(data), "--images", "5")[0].exit_code == 0
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}

    outcome, _ = invoke("convert", str(data), "--dry-run")
    assert outcome.exit_code == 0, outcome.output
    assert "nothing is written" in outcome.output and "leaf" in outcome.output
    assert {path for path in data.rglob("*") if path.is_file()} == set(before)

    monkeypatch.undo()
    outcome = CliRunner().invoke(main, ["convert", str(data), "--output", str(tmp_path / "out")])
    assert outcome.exit_code == 0
    assert "✔ conversion" in outcome.output and "`segcli undo` takes them back" in outcome.output
    assert outcome.output.index("conversion") < outcome.output.index("check_dataset")
    assert (data / "train.txt").is_file()
    outcome = CliRunner().invoke(main, ["split", str(data), "--train-percent", "60", "--dry-run"])
    assert "3 train, 2 val" in outcome.output

    outcome = CliRunner().invoke(main, ["undo", str(data)])
    assert outcome.exit_code == 0 and "taken back  convert" in outcome.output, outcome.output
    assert {path: path.read_bytes() for path in data.rglob("*") if path.is_file()} == before
    assert CliRunner().invoke(main, ["convert", str(data), "--undo"]).exit_code == 2


def test_split_asks_before_it_replaces_lists_made_by_hand(tmp_path: Path):
    folder = make_seg_folder(tmp_path / "data", train=8, val=2)
    before = (folder.root / "val.txt").read_text()
    words = ["split", str(folder.root), "--output", str(tmp_path / "out")]
    outcome = CliRunner().invoke(main, words)
    assert outcome.exit_code == 2 and "not written by segcli" in outcome.output
    assert (folder.root / "val.txt").read_text() == before
    outcome = CliRunner().invoke(main, [*words, "--yes", "--test-percent", "20", "--stratified"])
    assert outcome.exit_code == 0, outcome.output
    assert "6 train, 2 val, 2 test" in outcome.output
    assert CliRunner().invoke(main, [*words, "--seed", "1"]).exit_code == 0, "its own lists are replaced unasked"


def test_the_task_is_what_the_folder_holds(invoke, tmp_path: Path):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "instance_val.json").write_text("{}")
    assert invoke("check", str(tmp_path))[1].config.Global.model == "Mask-RT-DETR-S"
    (tmp_path / "train.txt").touch()
    assert invoke("check", str(tmp_path))[1].config.Global.model == "PP-LiteSeg-T"
    assert invoke("check", str(tmp_path), "--task", "instance")[1].config.Global.model == "Mask-RT-DETR-S"
