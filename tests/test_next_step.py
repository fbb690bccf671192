"""What a command says when something is missing: in its own words, and what to type next."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from segcli import app
from segcli.cli.main import main
from segcli.config.load import load_config


def run(*arguments: str) -> tuple[int, str]:
    outcome = CliRunner().invoke(main, list(arguments))
    return outcome.exit_code, " ".join(outcome.output.split())


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check"], "segcli check DATASET"),
        (["evaluate", "d"], "nothing was trained in the folder output yet -> segcli train DATASET; or --weights FILE"),
        (["predict", "x.jpg"], "-> segcli train DATASET; or --model-dir FOLDER"),
        (
            ["train", "d", "-m", "PP-LiteSeg-T", "--batch-size", "0"],
            "--batch-size is 0; expected a whole number of at least 1",
        ),
    ],
)
def test_a_fault_names_options_and_commands(arguments: list[str], words: str):
    code, shown = run(*arguments)
    assert code == 2
    assert words in shown
    assert "Global." not in shown and "Train." not in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "absent"],
        ["convert", "absent"],
        ["split", "absent"],
        ["evaluate", "absent", "-m", "PP-LiteSeg-T", "--weights", "w.pdparams"],
        ["export", "-m", "PP-LiteSeg-T", "--weights", "w.pdparams"],
        ["predict", "absent.jpg", "-m", "PP-LiteSeg-T"],
        ["weights", "inspect", "absent.pdparams"],
        ["embed", "absent.jpg", "-m", "SAM-tiny"],
        ["undo", "absent"],
    ],
    ids=" ".join,
)
def test_a_missing_path_is_a_usage_error(arguments: list[str]):
    assert run(*arguments)[0] == 2


def test_a_fault_of_an_override_is_blamed_on_it(empty: Path, capsys: pytest.CaptureFixture[str]):
    path = empty / "c.yaml"
    path.write_text(
        "Global: {model: PP-LiteSeg-T, dataset_dir: d}\n"
        "CheckDataset:\n  split:\n    enable: true\n    train_percent: 80\n    val_percent: 20\n"
    )
    assert app.start(path, ["CheckDataset.split.val_percent=30"]) == 2
    shown = capsys.readouterr().err
    assert "-o CheckDataset.split.val_percent" in shown and "c.yaml:" not in shown


def test_the_tutorials_path_leads_to_our_configuration():
    config = load_config("paddlex/configs/modules/semantic_segmentation/PP-LiteSeg-T.yaml").config
    assert config.Global.model == "PP-LiteSeg-T"


def test_main_speaks_of_keys(capsys: pytest.CaptureFixture[str]):
    assert app.start(None, ["Train.batch_size=0"], {"Global.model": ("x", "PP-LiteSeg-T")}) == 2
    assert "Train.batch_size" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "folder"), [([], "output/predict"), (["--output", "o"], "o/predict"), (["--save-dir", "s"], "s")]
)
def test_predictions_lie_in_a_folder_of_their_own(arguments: list[str], folder: str, monkeypatch: pytest.MonkeyPatch):
    seen = []
    monkeypatch.setattr(app, "run_mode", lambda loaded, *, debug: seen.append(loaded) or 0)
    assert run("predict", "a.jpg", "-m", "PP-LiteSeg-T", *arguments)[0] == 0
    assert seen[0].config.Predict.save_dir == folder


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train"], "1 fault in the configuration DATASET is missing -> segcli train DATASET"),
        (["predict", "x.jpg", "-m", "UNet-S"], "x.jpg: no such file or folder -> check the path"),
        (["check", "nope"], "no such folder -> check the path; `segcli demo NEW_FOLDER` makes a dataset to try"),
        (["check", "nope", "--task", "instance"], "no such folder -> check the path"),
        (["export", "-m", "UNet-S"], "train first, or set --weights"),
        (["evaluate", "d", "--weights", "w/best.pdparams"], "w/best.pdparams: there is no such weight file -> check"),
        (["export", "--weights", "best.pdparams"], "best.pdparams: there is no such weight file -> check the path"),
        (["export", "--weights", "pretrained"], "--model is missing"),
        (["trian"], "Did you mean 'train'?"),
        (["train", "--modle", "x"], "--model"),
        # who types keys is answered in keys
        (
            ["train", "d", "-o", "Train.batch_size"],
            "Train.batch_size -o has no value -> write -o Train.batch_size=VALUE",
        ),
        (["train", "d", "-o", "Train.batchsize=3"], "did you mean Train.batch_size?"),
        (["check", "-c", "paddlex/configs/modules/x/PP-LiteSeg-X.yaml"], "did you mean "),
        (["check", "-c", "PP-LiteSeg-T.yaml"], "semantic_segmentation/PP-LiteSeg-T.yaml?"),
        (["check", "-c", "mine.yaml"], "configs/ holds a file for each model"),
    ],
)
def test_a_newcomer_reads_what_to_type(arguments: list[str], words: str):
    code, shown = run(*arguments)
    assert code == 2
    assert words in shown, shown


def test_the_folder_of_an_override_decides_the_task(empty: Path, monkeypatch: pytest.MonkeyPatch):
    (empty / "d" / "annotations").mkdir(parents=True)
    (empty / "d" / "annotations" / "instance_val.json").write_text("{}")
    seen = []
    monkeypatch.setattr(app, "run_mode", lambda loaded, *, debug: seen.append(loaded) or 0)
    assert run("train", "-o", "Global.dataset_dir=d")[0] == 0
    assert seen[0].config.Global.model == "SeedUNet-S"


def test_another_file_than_the_named_one_is_told(capsys: pytest.CaptureFixture[str]):
    path = "paddlex/configs/modules/semantic_segmentation/PP-LiteSeg-T.yaml"
    assert app.start(path, ["Global.dataset_dir=absent", "Global.mode=check_dataset"]) == 2
    assert "is used instead, segcli's configuration of this model" in " ".join(capsys.readouterr().err.split())


def test_no_hint_names_an_extra_of_a_package_that_is_on_no_index():
    root = Path(app.__file__).parent
    wrong = [path for path in root.rglob("*.py") if re.search(r"pip install ['\"]?segcli", path.read_text("utf-8"))]
    assert wrong == []


def test_the_folder_of_a_model_is_no_name_of_one(empty: Path):
    (empty / "inference").mkdir()
    code, shown = run("predict", "x.jpg", "-m", "inference")
    assert code == 2
    assert "given by --model-dir inference" in shown


@pytest.mark.parametrize(
    "arguments",
    [["predict", "x.jpg", "--model-dir", "inference"], ["predict", "x.jpg", "-o", "Predict.model_dir=inference"]],
)
def test_an_exported_model_names_itself_however_it_is_given(
    arguments: list[str], empty: Path, monkeypatch: pytest.MonkeyPatch
):
    (empty / "inference").mkdir()
    (empty / "inference/inference.yml").write_text("Global: {model_name: SegFormer-B0}\n")
    loaded = []
    monkeypatch.setattr(app, "run_mode", lambda given, **_: loaded.append(given.config) or 0)
    assert run(*arguments)[0] == 0
    assert loaded[0].Global.model == "SegFormer-B0"


@pytest.mark.parametrize("arguments", [["export"], ["evaluate", "d"]])
@pytest.mark.parametrize("model", [[], ["-m", "PP-LiteSeg-T"]])
def test_a_mistyped_output_does_not_become_a_folder(arguments: list[str], model: list[str], empty: Path):
    assert run(*arguments, *model, "--output", "typo")[0] in (1, 2)
    assert not (empty / "typo").exists()


@pytest.mark.parametrize("arguments", [["--model-dir", "absent"], ["-o", "Predict.model_dir=absent"]])
def test_a_folder_without_a_model_is_named(arguments: list[str]):
    code, shown = run("predict", "x.jpg", *arguments)
    assert code == 2
    assert "absent is no exported model" in shown and "nothing was trained" not in shown


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["frobnicate"], "frobnicate"),
        (["--frob"], "--frob"),
        (["check", "--frob"], "--frob"),
        (["predict"], "INPUT"),
        (["models", "nope"], "nope"),
        (["models", "--task", "nope"], "nope"),
        (["rule", "X999"], "X999"),
        (["evaluate", "d", "--fail-under", "x"], "--fail-under"),
        (["export", "--weights", "w/x.pdparams"], "w/x.pdparams"),
        (["batch"], "SOURCE"),
    ],
    ids=" ".join,
)
def test_wrong_words_are_json_too(arguments: list[str], fault: str):
    outcome = CliRunner().invoke(main, [*arguments, "--json"])
    told = json.loads(outcome.stdout)
    assert (outcome.exit_code, told["done_flag"]) == (2, False)
    assert told["err_type"] in ("UsageError", "WeightsError")
    assert fault in told["err_msg"]
