"""A second training in a folder leaves the first one whole, and neither knows of the other."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest
from PIL import Image

from segcli import app
from segcli.config.load import load_config
from segcli.data.lock import locked
from segcli.errors import BusyError, DatasetError
from segcli.models.card import ModelCard
from segcli.results import begin_result, write_result
from segcli.signals import Stopped
from segcli.steps.train import run_folder
from segcli.steps.train.history import read_history
from tests.death import calls_of, die
from tests.steps.train.line_run import LineRuns

CHECKED = "check_dataset_result.json"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def scores(*values: float):
    return lambda session: session.scores.extend(values)


def test_an_earlier_training_is_moved_whole_and_said(line_run: LineRuns, tmp_path, caplog):
    line_run(tmp_path, epochs_iters=16, change=scores(0.9, 0.8, 0.7, 0.6))
    (tmp_path / CHECKED).write_text("{}")
    (tmp_path / "check_dataset").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    before = files(tmp_path)
    with caplog.at_level(logging.INFO, "segcli.train"):
        result = line_run(tmp_path, change=scores(0.2, 0.1))

    theirs = [CHECKED, "notes.txt"]
    assert files(tmp_path / "run_1") == {name: data for name, data in before.items() if name not in theirs}
    assert all((tmp_path / name).is_file() for name in theirs)
    assert f"the earlier training in {tmp_path} was moved to {tmp_path / 'run_1'}" in caplog.text
    assert result.best_score == 0.2
    assert ModelCard.beside(tmp_path / "best_model" / "model.pdparams").score == {"fit": 0.2}
    assert [path.name for path in sorted(tmp_path.glob("iter_*"))] == ["iter_4", "iter_8"]
    assert [event["iteration"] for event in read_history(tmp_path / "history.jsonl")][-1] == 8
    assert "was moved to" in (tmp_path / "train.log").read_text()
    line_run(tmp_path)
    assert (tmp_path / "run_2" / "best_model").is_dir()
    assert not list(tmp_path.glob(".*"))


def test_resume_knows_its_own_run_alone(line_run: LineRuns, tmp_path):
    line_run(tmp_path, epochs_iters=16, change=scores(0.9, 0.8, 0.7, 0.6))
    line_run(tmp_path, change=scores(0.2, 0.1))
    result = line_run(tmp_path, epochs_iters=12, resume_path="last", change=scores(0.15))
    assert (result.best_score, result.best_iteration, result.iterations) == (0.2, 4, 12)
    assert not (tmp_path / "run_2").exists()


def test_results_of_a_moved_run_name_its_files(line_run: LineRuns, tmp_path):
    write_result(tmp_path, "train", line_run(tmp_path).as_dict(), done=True)
    line_run(tmp_path)
    for folder in (tmp_path / "run_1", shutil.copytree(tmp_path / "run_1", tmp_path / "copy")):
        values = json.loads((folder / "train_result.json").read_text())
        assert values["config"] == "config.yaml"
        assert (folder / values["models"]["best"]["pdparams"]).samefile(folder / "best_model" / "model.pdparams")
        assert values["model_name"] == "PP-LiteSeg-T"


def test_a_training_that_cannot_start_leaves_the_earlier_one(line_run: LineRuns, tmp_path):
    line_run(tmp_path)
    before = files(tmp_path)

    def fail(session):
        raise ValueError("no such dataset")

    with pytest.raises(ValueError, match="no such dataset"):
        line_run(tmp_path, change=fail)
    assert files(tmp_path) == before


def start(output: Path, run, monkeypatch) -> int:
    """`segcli train` with `run` in the place of the training."""
    monkeypatch.setattr("segcli.lazy.load_object", lambda address: lambda config: run())
    values = {"Global.model": ("--model", "PP-LiteSeg-T"), "Global.dataset_dir": ("--dataset", str(output))}
    return app.start(None, ["Global.mode=train", f"Global.output={output}"], values)


@pytest.mark.parametrize(
    "error", [ValueError("no such dataset"), OSError(5, "disk"), DatasetError("bad"), BusyError("held"), Stopped(15)]
)
def test_the_result_of_the_earlier_training_outlives_a_failed_start(error, line_run: LineRuns, tmp_path, monkeypatch):
    assert start(tmp_path, lambda: line_run(tmp_path), monkeypatch) == 0
    before = files(tmp_path)

    def fail(session):
        raise error

    for settings in ({}, {"resume_path": "last"}):
        assert start(tmp_path, lambda s=settings: line_run(tmp_path, change=fail, **s), monkeypatch) != 0
    after = files(tmp_path)
    assert {name: after[name] for name in before} == before
    assert json.loads(before["train_result.json"])["done_flag"] is True


def test_a_training_that_fails_after_its_start_says_so(line_run: LineRuns, tmp_path, monkeypatch):
    assert start(tmp_path, lambda: line_run(tmp_path), monkeypatch) == 0

    def fail_later(session):
        marks.append(json.loads((tmp_path / "train_result.json").read_text())["done_flag"])
        session.bad_iteration = 9

    marks = []
    again = lambda: line_run(tmp_path, epochs_iters=12, resume_path="last", change=fail_later)  # noqa: E731
    assert start(tmp_path, again, monkeypatch) == 1
    values = json.loads((tmp_path / "train_result.json").read_text())
    assert (values["done_flag"], values["err_type"], marks) == (False, "NonFiniteLossError", [True])


def test_a_killed_training_is_not_told_as_done(line_run: LineRuns, tmp_path, monkeypatch):
    assert start(tmp_path, lambda: line_run(tmp_path), monkeypatch) == 0
    begin_result(tmp_path, "train")
    assert json.loads((tmp_path / "train_result.json").read_text())["done_flag"] is False

    def fail(session):
        raise ValueError("no such dataset")

    assert start(tmp_path, lambda: line_run(tmp_path, change=fail), monkeypatch) == 1
    assert "no such dataset" in json.loads((tmp_path / "train_result.json").read_text())["err_msg"]


def test_going_back_keeps_what_was_trained_after(line_run: LineRuns, tmp_path, caplog):
    line_run(tmp_path, epochs_iters=16, keep_checkpoints=4, change=scores(0.5, 0.6, 0.9, 0.8))
    with caplog.at_level(logging.INFO, "segcli.train"):
        result = line_run(
            tmp_path, epochs_iters=12, keep_checkpoints=1, resume_path=str(tmp_path / "iter_8"), change=scores(0.4)
        )
    assert "after iteration 8 was moved" in caplog.text
    assert {path.name for path in (tmp_path / "run_1").iterdir()} >= {"iter_12", "iter_16", "best_model", "config.yaml"}
    assert ModelCard.beside(tmp_path / "run_1" / "best_model" / "model.pdparams").iteration == 12
    assert [path.name for path in sorted(tmp_path.glob("iter_*"))] == ["iter_12"]
    assert (result.best_score, result.best_iteration) == (0.4, 12)


def test_a_run_that_goes_on_elsewhere_takes_its_best_weights_along(line_run: LineRuns, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    line_run(first, change=scores(0.9, 0.8))
    line_run(second, change=scores(0.3, 0.3))
    result = line_run(second, epochs_iters=12, resume_path=str(first / "iter_8"), change=scores(0.5))
    assert (result.best_score, result.best_iteration) == (0.9, 4)
    assert files(second / "best_model") == files(first / "best_model")
    assert ModelCard.beside(second / "run_1" / "best_model" / "model.pdparams").score == {"fit": 0.3}
    assert [event["iteration"] for event in read_history(second / "history.jsonl")] == [2, 4, 4, 6, 8, 8, 10, 12, 12]


def test_a_kill_while_moving_loses_nothing(line_run: LineRuns, tmp_path, monkeypatch):
    """At every step: the next training finds the earlier run, in its place or moved."""
    line_run(tmp_path / "first")
    steps = calls_of(
        lambda: run_folder.claim(shutil.copytree(tmp_path / "first", tmp_path / "count"), None), monkeypatch
    )
    before = files(tmp_path / "first")
    assert steps > 5
    for step in range(1, steps + 1):
        output = shutil.copytree(tmp_path / "first", tmp_path / f"dead_{step}")
        die(lambda output=output: run_folder.claim(output, None), monkeypatch, step)
        run_folder.recover(output)
        moved = output / "run_1"
        assert files(moved if moved.exists() else output) == before, step


def test_a_second_training_into_the_folder_is_told(line_run: LineRuns, tmp_path):
    with (
        locked(tmp_path / run_folder.LOCK_FILE, "segcli train", what="it"),
        pytest.raises(BusyError, match="segcli train, process"),
    ):
        line_run(tmp_path)
    line_run(tmp_path)
    assert not (tmp_path / run_folder.LOCK_FILE).exists()


def test_a_copied_folder_is_itself(line_run: LineRuns, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line_run(Path("old"))
    shutil.copytree("old", "copies/new")
    for path in ("copies/new/config.yaml", str(tmp_path / "copies/new/config.yaml")):
        config = load_config(path).config
        assert Path(config.Global.output).samefile("copies/new")
        assert Path(config.Predict.model_dir) == Path(path).parent / "best_model" / "inference"
        assert config.Global.dataset_dir == "copies/new/no-data" or Path(config.Global.dataset_dir).is_absolute()
    elsewhere = load_config("copies/new/config.yaml", ["Global.output=else"]).config
    assert elsewhere.Predict.model_dir == "copies/new/best_model/inference"
    card = ModelCard.beside(Path("copies/new/best_model/model.pdparams"))
    assert card.config["Global"]["output"] == "."
    assert card.config["Predict"]["model_dir"] == "./best_model/inference"
    result = line_run(Path("copies/new"), epochs_iters=12, resume_path="last")
    assert result.config == "copies/new/config.yaml"


def test_a_place_outside_stays_as_it_was_written(line_run: LineRuns, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line_run(Path("elsewhere"))
    line_run(Path("out"), epochs_iters=12, resume_path="elsewhere/iter_8")
    config = load_config("out/config.yaml").config
    assert config.Train.resume_path == "elsewhere/iter_8"


def test_the_card_describes_the_training_images(line_run: LineRuns, tmp_path):
    image = tmp_path / "image.png"
    Image.new("RGB", (40, 30), (10, 20, 30)).save(image)
    line_run(tmp_path / "run", change=lambda session: setattr(session, "train_images", [image] * 3))
    inputs = ModelCard.beside(tmp_path / "run/best_model/model.pdparams").inputs
    assert (inputs["count"], inputs["channel_mean"], inputs["width_px"]["max"]) == (3, [10, 20, 30], 40)
