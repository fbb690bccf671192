"""`segcli compare` on models, exports and predictions."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.config.portable import portable_values
from segcli.data.files import write_text_atomic
from segcli.data.formats.masks import open_seg_dataset
from segcli.data.image import read_mask
from segcli.errors import UsageError, WeightsError
from segcli.steps.compare.command import compare
from segcli.steps.compare.result import ONE_TRAINING
from tests.images import make_seg_dataset
from tests.instance_run import make_rectangles
from tests.promptable_weights import promptable_weights
from tests.steps.evaluate.test_predictions import coco_entries
from tests.trained_model import make_config, save_weights, trained_run


@pytest.fixture
def data(tmp_path):
    return make_seg_dataset(tmp_path / "data", train=1, val=6)


def shifted(data: Path, folder: Path, pixels: int) -> str:
    folder.mkdir()
    for sample in open_seg_dataset(data).val:
        cv2.imwrite(str(folder / f"{sample.image.stem}.png"), np.roll(read_mask(sample.mask), pixels, axis=1))
    return str(folder)


def test_the_better_predictions_are_called_better(tmp_path, data):
    first, other, worst = (shifted(data, tmp_path / name, by) for name, by in (("a", 3), ("b", 1), ("c", 9)))
    result = compare([[first], [other], [worst]], tmp_path / "out", dataset=str(data))
    verdicts = [one.numbers["mIoU"].verdict for one in result.others]
    assert verdicts == ["better", "worse"]
    assert result.others[0].by_class["red"]["IoU"].verdict == "better"
    assert result.ranking == {first: 0, other: 1, worst: 0}
    page = (tmp_path / "out" / "compare_report.html").read_text(encoding="utf-8")
    assert page.count("mistakes of the other") == 2 * 6 * 2
    assert "http" not in page.replace("http-equiv", "")
    assert "<code>augment.scales</code></th><td><code>[1.0]</code>" in page and "{&#34;" not in page
    values = result.as_dict()
    assert values["others"][0]["verdict"] == "better"
    assert json.loads(json.dumps(values)) == values
    assert values["notes"] == ["only 6 images: intervals from so few are too narrow", ONE_TRAINING]


def test_a_verdict_on_single_trainings_says_what_it_is_about(tmp_path, data):
    good, bad = ([shifted(data, tmp_path / f"{by}-{run}", by) for run in "ab"] for by in (1, 9))
    seeds = compare([bad, good], tmp_path / "out", dataset=str(data))
    assert seeds.others[0].numbers["mIoU"].verdict == "better" and ONE_TRAINING not in seeds.notes
    single = compare([bad[:1], good[:1]], tmp_path / "out", dataset=str(data))
    assert ("note", ONE_TRAINING) in single.summary()
    assert "another seed may turn it" in (tmp_path / "out" / "compare_report.html").read_text(encoding="utf-8")
    same = compare([good[:1], good[1:]], tmp_path / "out", dataset=str(data))
    assert same.others[0].numbers["mIoU"].verdict == "no difference" and ONE_TRAINING not in same.notes


def test_seeds_are_one_contender(tmp_path, data):
    runs = [shifted(data, tmp_path / str(by), by) for by in (1, 2, 8)]
    result = compare([[runs[1]], runs], tmp_path / "out", dataset=str(data))
    (spread,) = [values for name, values in result.runs.items() if " + " in name]
    assert len(spread["runs"]) == 3 and spread["standard_deviation"] > 0
    assert result.others[0].numbers["mIoU"].verdict == "no difference"
    assert any("±" in text for _, text in result.summary())


def test_weights_exports_and_predictions_are_compared_with_each_other(tmp_path):
    run = trained_run()
    weights, export = run / "run/best_model", run / "run/best_model/inference"
    perfect = shifted(run / "data", tmp_path / "perfect", 0)
    result = compare(
        [[str(weights)], [str(export)], [perfect]], tmp_path / "out", dataset=str(run / "data"),
        overrides=["Evaluate.runtime=paddle"],
    )  # fmt: skip
    assert result.others[0].numbers["mIoU"].verdict == "no difference"
    assert result.others[1].numbers["mIoU"].other == 1


def training(tmp_path: Path, name: str, data: Path, **evaluate) -> str:
    """A folder as `train` leaves it: weights, and a configuration."""
    folder = tmp_path / name
    save_weights(folder / "best_model")
    config = make_config(folder, data, Evaluate=evaluate)
    write_text_atomic(folder / "config.yaml", yaml.safe_dump(portable_values(config, output=str(folder))))
    return str(folder)


def test_other_data_and_another_protocol_are_refused(tmp_path, data):
    other_data = make_seg_dataset(tmp_path / "other", train=1, val=6)
    first = training(tmp_path, "first", data)
    with pytest.raises(UsageError, match="the datasets differ"):
        compare([[first], [training(tmp_path, "second", other_data)]], tmp_path / "out")
    third = training(tmp_path, "third", data, absent_class="zero")
    with pytest.raises(UsageError, match=r"Evaluate\.absent_class is exclude for .* and zero") as refused:
        compare([[first], [third]], tmp_path / "out")
    assert "-o Evaluate.absent_class=exclude" in str(refused.value)
    result = compare([[first], [third]], tmp_path / "out", overrides=["Evaluate.absent_class=exclude"])
    assert result.others[0].numbers["mIoU"].difference == 0


def test_other_classes_tasks_and_too_few_are_refused(tmp_path, data):
    predictions = shifted(data, tmp_path / "a", 1)
    weights = save_weights(tmp_path / "w", names=("_background_", "red", "green"))
    with pytest.raises(WeightsError, match="know other classes"):
        compare([[predictions], [str(weights)]], tmp_path / "out", dataset=str(data))
    with pytest.raises(UsageError, match="at least two contenders"):
        compare([[predictions]], tmp_path / "out", dataset=str(data))
    with pytest.raises(UsageError, match="no dataset is given"):
        compare([[predictions], [predictions]], tmp_path / "out")
    with pytest.raises(UsageError, match="absent does not exist"):
        compare([[predictions], ["absent"]], tmp_path / "out", dataset=str(data))


def test_objects_are_compared_by_class_and_size(tmp_path):
    data = make_rectangles(tmp_path / "data", train=1, val=4)
    entries = coco_entries(data)
    files = []
    for name, kept in (("some", entries[::2]), ("all", entries)):
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps(kept))
    result = compare([[str(file)] for file in files], tmp_path / "out", dataset=str(data))
    (other,) = result.others
    assert other.numbers["AP"].verdict == "better"
    assert {"AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR_100", "box_AP", "ECE"} <= set(other.numbers)
    assert other.numbers["box_AP"].verdict == "better"
    assert set(other.by_class) == {"кот", "dog"}
    assert "Images that changed most" in (tmp_path / "out" / "compare_report.html").read_text(encoding="utf-8")


def test_the_command_prints_json_and_leaves_its_result(tmp_path, data):
    paths = [shifted(data, tmp_path / name, by) for name, by in (("a", 3), ("b", 1))]
    arguments = ["compare", *paths, "--dataset", str(data), "--output", str(tmp_path / "out"), "--json"]
    outcome = CliRunner().invoke(main, arguments)
    assert outcome.exit_code == 0, outcome.output
    printed = json.loads(outcome.stdout)
    assert printed["others"][0]["numbers"]["mIoU"]["verdict"] == "better"
    left = json.loads((tmp_path / "out" / "compare_result.json").read_text(encoding="utf-8"))
    assert left["others"] == printed["others"] and left["done_flag"]
    outcome = CliRunner().invoke(main, ["compare", *paths, "--output", str(tmp_path / "out")])
    assert outcome.exit_code == 2


def test_folds_are_compared_fold_by_fold(tmp_path):
    """Each fold is measured on the images that it did not learn; the numbers are means over the folds."""
    data = make_seg_dataset(tmp_path / "data", train=4, val=2)
    folders = []
    for name, seed in (("a", 3), ("b", 4)):
        for fold in (1, 2):
            folder = tmp_path / name / f"fold_{fold}"
            config = make_config(folder, data, Train={"folds": 2, "fold": fold}, Evaluate={"runtime": "paddle"})
            save_weights(folder / "best_model", seed=seed + 10 * fold)
            write_text_atomic(folder / "config.yaml", yaml.safe_dump(portable_values(config, output=str(folder))))
        folders.append(str(tmp_path / name))
    result = compare([[folders[0]], [folders[1]]], tmp_path / "out")
    assert result.images == 6, "all images, each once"
    spread = result.runs[folders[0]]
    assert len(spread["runs"]) == 2 and spread["standard_deviation"] is not None
    assert result.others[0].numbers["mIoU"].first == pytest.approx(spread["mean"])
    with pytest.raises(UsageError, match="only the same folds"):
        compare([[folders[0]], [f"{folders[1]}/fold_1"]], tmp_path / "out")


def test_promptable_models_are_compared(tmp_path):
    data = make_rectangles(tmp_path / "data", train=1, val=3)
    folders = []
    for name, clicks in (("a", 4), ("b", 4)):
        folder = tmp_path / name
        weights = {"weight_path": str(promptable_weights("SAM-tiny")), "runtime": "paddle", "noc_clicks": clicks}
        config = make_config(folder, data, model="SAM-tiny", Evaluate=weights)
        write_text_atomic(folder / "config.yaml", yaml.safe_dump(portable_values(config, output=str(folder))))
        folders.append(str(folder))
    result = compare([[folders[0]], [folders[1]]], tmp_path / "out")
    assert result.score == "miou_box"
    found = result.others[0].numbers
    assert found["miou_box"].verdict == found["noc_85"].verdict == "no difference", "the same weights"
    assert found["miou_box"].first == found["miou_box"].other
    with pytest.raises(UsageError, match=r"noc_clicks is 4 for .* and None"):
        plain = make_config(tmp_path / "c", data, model="SAM-tiny", Evaluate={**weights, "noc_clicks": None})
        write_text_atomic(
            tmp_path / "c/config.yaml", yaml.safe_dump(portable_values(plain, output=str(tmp_path / "c")))
        )
        compare([[folders[0]], [str(tmp_path / "c")]], tmp_path / "out")
