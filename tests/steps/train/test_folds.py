"""Cross-validation: each image is measured once, a stopped one goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.config.load import from_values, load_config
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.formats.masks import open_seg_dataset
from segcli.data.splits.folds import Fold, fold_of
from segcli.errors import ConfigError, UsageError
from segcli.signals import Stopped
from segcli.steps.evaluate.class_match import dataset_for
from segcli.steps.train.folds import FoldsResult
from tests.coco_folder import make_coco_folder
from tests.images import make_seg_dataset
from tests.steps.train.line_run import LineRuns


def make_coco(root: Path) -> Path:
    make_coco_folder(root, train=6, val=2)
    return root


@pytest.mark.parametrize(
    ("make", "open_it"),
    [
        (lambda root: make_seg_dataset(root, train=6, val=2), lambda root: open_seg_dataset(root, None)),
        (make_coco, open_instance_dataset),
    ],
)
def test_each_image_is_measured_once_and_never_learnt_from_there(make, open_it, tmp_path):
    dataset = open_it(make(tmp_path / "data"))
    everything = {sample.image for sample in (*dataset.train, *dataset.val)}
    measured = []
    for number in range(1, 5):
        part = fold_of(dataset, Fold(number, 4))
        images = [sample.image for sample in part.val]
        assert {sample.image for sample in part.train} == everything - set(images)
        measured += images
    assert sorted(measured) == sorted(everything)
    assert fold_of(dataset, None) is dataset
    groups = [fold_of(dataset, Fold(number, 2, group_of=lambda name: str("0" in name))) for number in (1, 2)]
    assert sorted(sorted({"0" in sample.image.name for sample in part.val}) for part in groups) == [[False], [True]]
    with pytest.raises(UsageError, match="cannot be split into 9 folds"):
        fold_of(dataset, Fold(1, 9))


def test_mean_and_spread_of_all_folds_and_resuming(line_run: LineRuns, tmp_path):
    asked = []

    def change(session):
        asked.append(1)
        session.scores = [[0.5, 0.1], [0.7, 0.1], [0.9, 0.1]][len(asked) - 1]

    result = line_run(tmp_path, folds=3, change=change)
    assert isinstance(result, FoldsResult)
    assert result.scores == [0.5, 0.7, 0.9]
    assert result.mean == pytest.approx(0.7)
    assert result.spread == pytest.approx(0.2)
    assert ("mean fit", "0.7000 ± 0.2000 (standard deviation)") in result.summary()
    assert load_config(tmp_path / "config.yaml").config.Train.folds == 3
    kept = load_config(tmp_path / "fold_2" / "config.yaml").config
    assert (kept.Train.folds, kept.Train.fold) == (3, 2)
    again = line_run(tmp_path, folds=3, resume_path="last", change=lambda session: asked.append("again"))
    assert asked.count("again") == 0
    assert again.scores == result.scores
    assert Path(again.folds[1].models["best"]["pdparams"]).is_file()


def test_a_stopped_fold_goes_on_and_ended_ones_are_kept(line_run: LineRuns, tmp_path):
    opened = []

    def stop_in_second(session):
        opened.append(session)
        if len(opened) == 2:
            losses, calls = session.losses, []

            def stopping(batch):
                calls.append(1)
                if len(calls) == 6:
                    raise Stopped(2)
                return losses(batch)

            session.losses = stopping

    with pytest.raises(Stopped, match="fold 2 of 3 was stopped by Ctrl-C at iteration 5") as stop:
        line_run(tmp_path, folds=3, change=stop_in_second)
    assert f"--output {tmp_path} goes on" in stop.value.hint
    result = line_run(tmp_path, folds=3, resume_path="last", change=opened.append)
    assert len(opened) == 4
    assert [one.iterations for one in result.folds] == [8, 8, 8]


def test_a_fold_that_is_none_is_refused():
    values = {"Global.model": "UNet-S", "Global.mode": "train", "Global.dataset_dir": "data", "Train.fold": 3}
    with pytest.raises(ConfigError, match=r"Train\.folds is not set"):
        from_values(values)
    with pytest.raises(ConfigError, match="there are 2 folds"):
        from_values({**values, "Train.folds": 2})


def test_folds_by_the_command_are_measured_on_their_own_images(tmp_path):
    make_seg_dataset(tmp_path / "data", train=4, val=2)
    output = tmp_path / "out"
    small = ["Train.plan=off", "Train.input_shape=[1,3,32,32]", "Train.export_best=false", "Train.eval_interval=2"]
    options = [part for one in small for part in ("-o", one)]
    done = CliRunner().invoke(
        main,
        ["train", str(tmp_path / "data"), "--folds", "2", "--epochs-iters", "2", "--output", str(output), *options],
    )
    assert done.exit_code == 0, done.output
    values = json.loads((output / "train_result.json").read_text())
    assert len(values["folds"]) == 2 and values["mean_score"] is not None
    assert values["folds"][1]["config"] == "fold_2/config.yaml"
    measured = [
        {sample.image for sample in dataset_for((), output, load_config(output / f"fold_{n}/config.yaml").config).val}
        for n in (1, 2)
    ]
    assert len(measured[0] | measured[1]) == 6 and not measured[0] & measured[1]
