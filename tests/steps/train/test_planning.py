"""The plan of a training from the outside: when it is made, who wins, what is kept of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.config.durations import parse_time
from segcli.config.load import load_config
from segcli.config.plan_mode import for_command
from segcli.config.schema import Config
from segcli.plan.choice import Means
from segcli.steps.train.measuring import tried
from segcli.steps.train.planning import is_planned, planned
from segcli.steps.train.starting import with_start
from tests.images import make_seg_dataset
from tests.instance_run import make_rectangles

RECIPE = {"Train": {"epochs_iters": 7, "batch_size": 2, "learning_rate": 0.01}}


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_seg_dataset(tmp_path_factory.mktemp("plan") / "data", train=6, val=2, size=64)


def configured(folder: Path, dataset: Path, values: dict[str, Any], *overrides: str, model: str = "UNet-S") -> Config:
    shared = {"model": model, "mode": "train", "dataset_dir": str(dataset), "output": str(folder / "output")}
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump({"Global": shared, **values}))
    return for_command(load_config(file, overrides).config)


def test_a_file_with_a_recipe_stands_as_it_is(masks: Path, tmp_path: Path) -> None:
    config = configured(tmp_path, masks, RECIPE)

    assert (config.Train.plan, config.Train.epochs_iters) == ("off", 7)
    assert not is_planned(config)


def test_a_file_that_switches_the_plan_on_keeps_its_own_values(masks: Path, tmp_path: Path) -> None:
    config, plan = planned(configured(tmp_path, masks, {"Train": {"plan": "auto", "epochs_iters": 7}}))

    assert config.Train.epochs_iters == 7
    assert "Train.epochs_iters" not in plan.values()
    assert config.Train.batch_size == plan.values()["Train.batch_size"]
    assert config.origin("Train.batch_size") == "planner"


def test_null_in_a_file_leaves_it_to_the_plan(masks: Path, tmp_path: Path) -> None:
    config = configured(tmp_path, masks, {"Train": {"epochs_iters": None, "batch_size": None, "eval_interval": None}})

    assert config.Train.plan == "auto"
    assert {"Train.epochs_iters", "Train.batch_size", "Train.eval_interval"} <= planned(config)[1].values().keys()


def test_a_model_with_a_recipe_of_its_own_gets_its_length_alone(masks: Path, tmp_path: Path) -> None:
    config = configured(tmp_path, masks, {"Train": {"crop_size": [64, 64]}}, "Train.time=60s", model="PP-LiteSeg-T")

    filled, plan = planned(config)

    stop = {"Train.early_stop.enable", "Train.early_stop.patience"}
    assert plan.values().keys() == {"Train.epochs_iters", "Train.eval_interval", *stop}
    assert filled.Train.early_stop.enable and filled.Train.early_stop.patience == 4
    assert filled.Train.transforms is None
    assert plan.seconds is not None
    assert plan.seconds <= 60


def test_a_short_time_is_called_so_with_words_that_can_be_typed(
    masks: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said = {}
    for model, values in (("UNet-S", {}), ("PP-LiteSeg-T", {"Train": {"plan": "auto", "crop_size": [64, 64]}})):
        caplog.clear()
        planned(configured(tmp_path, masks, values, "Train.time=1s", model=model))
        said[model] = "".join(line.getMessage() for line in caplog.records if line.levelname == "WARNING")
        wanted = re.search(r"--time (\S+) is enough", said[model])
        assert wanted is not None and parse_time(wanted[1]) > 30, said
    assert "-m UNet-S" in said["PP-LiteSeg-T"] and "-m UNet-S" not in said["UNet-S"]

    caplog.clear()
    planned(configured(tmp_path, masks, {}, "Train.time=1s", "Train.epochs_iters=7", "Train.plan=auto"))
    assert "enough" not in caplog.text, "who gives a length wants that one"


def test_a_training_says_when_its_export_begins(tmp_path: Path) -> None:
    shown = ["-o", "Train.epochs_iters=1", "-o", "Train.input_size=64", "--time", "60s"]
    dataset = make_rectangles(tmp_path / "data")

    done = CliRunner().invoke(main, ["train", str(dataset), "--output", str(tmp_path / "output"), *shown])

    assert done.exit_code == 0, done.output
    log = (tmp_path / "output/train.log").read_text()
    assert log.index("done after 1 iterations") < log.index("exporting the best weights")


def test_a_planned_training_keeps_its_reasons_and_is_resumed_by_them(tmp_path: Path) -> None:
    dataset = make_rectangles(tmp_path / "data")
    output = tmp_path / "output"
    small = ["-o", "Train.epochs_iters=2", "-o", "Train.input_size=64", "-o", "Train.export_best=false"]

    done = CliRunner().invoke(main, ["train", str(dataset), "--output", str(output), "--time", "60s", *small])

    assert done.exit_code == 0, done.output
    result = json.loads((output / "train_result.json").read_text())
    kept = yaml.safe_load((output / "config.yaml").read_text())
    assert result["model_name"] == "SeedUNet-S"
    assert kept["Train"]["plan_reasons"] == result["plan"]
    assert {"Global.model", "Train.batch_size", "Train.transforms"} <= result["plan"].keys()
    assert kept["Train"]["epochs_iters"] == 2
    again = load_config(output / "config.yaml", ["Train.resume_path=last"]).config
    assert not is_planned(for_command(again))
    assert again.Train.transforms is not None


def test_the_plan_is_shown_without_training(masks: Path, tmp_path: Path) -> None:
    shown = CliRunner().invoke(main, ["train", str(masks), "--plan", "--output", str(tmp_path / "output")])

    assert shown.exit_code == 0, shown.output
    assert "UNet-S" in shown.output
    assert "Train.epochs_iters" in shown.output
    assert not (tmp_path / "output").exists()


def test_init_writes_what_the_plan_chose(masks: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"

    written = CliRunner().invoke(main, ["init", str(masks), "--to", str(file)])
    refused = CliRunner().invoke(main, ["init", str(masks), "--to", str(file)])

    assert written.exit_code == 0, written.output
    assert refused.exit_code == 2
    config = for_command(load_config(file).config)
    assert (config.Global.model, config.Train.plan) == ("UNet-S", "off")
    assert config.Train.input_shape == (1, 3, 64, 64)
    assert file.read_text().count("# ") > 6


@pytest.mark.parametrize("text", ["soon", "0m", "-3s"])
def test_a_length_of_time_that_is_none_is_refused(text: str, masks: Path, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="expected a duration"):
        configured(tmp_path, masks, {}, f"Train.time={text}")


def test_official_weights_that_cannot_be_had_leave_random_ones_and_a_sentence(
    masks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path / "cache"))
    config = configured(tmp_path, masks, RECIPE, model="PP-LiteSeg-T")

    assert config.Train.pretrain_weight_path == "auto"
    begun = with_start(config)
    assert begun.Train.pretrain_weight_path is None
    reason = (begun.Train.plan_reasons or {})["Train.pretrain_weight_path"]
    assert "SEGCLI_OFFLINE allows no network" in reason
    assert "random" in reason


@pytest.mark.parametrize("value", [None, "mine.pdparams"])
def test_weights_that_a_person_names_stand(value: str | None, masks: Path, tmp_path: Path) -> None:
    config = configured(tmp_path, masks, {"Train": {"pretrain_weight_path": value}}, model="PP-LiteSeg-T")

    assert with_start(config).Train.pretrain_weight_path == value


def test_a_model_without_official_weights_asks_for_none(masks: Path, tmp_path: Path) -> None:
    begun = with_start(configured(tmp_path, masks, {}))

    assert begun.Train.pretrain_weight_path is None
    assert "no official weights" in (begun.Train.plan_reasons or {})["Train.pretrain_weight_path"]


def test_the_cost_is_counted_in_time_of_the_processor(
    masks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loaded machine plans the same training: its clock goes on while other programs compute."""
    import time

    real, late = time.perf_counter, [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: late.append(1.0) or real() + 1e4 * len(late))
    config = configured(tmp_path, masks, RECIPE, "Train.time=10m")
    for means in (Means("cpu", 600.0), Means("cpu", 600.0, on_request=True)):
        cost = tried(config, means, (2, 4)).cost
        assert set(cost.by_batch) == {2, 4}
        assert 0 < cost.seconds_per_mpx < 1000


def test_nested_keys_are_written_under_their_section(masks: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    written = CliRunner().invoke(main, ["init", str(masks), "--to", str(file)])
    assert written.exit_code == 0, written.output
    assert "  early_stop:\n    # The training ends when" in file.read_text()
    config = load_config(file).config
    assert config.Train.early_stop.enable
    assert config.Train.early_stop.patience >= 4
