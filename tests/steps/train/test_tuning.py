"""The search of settings by Optuna."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.config.load import from_values, load_config
from segcli.errors import ConfigError, MissingPartError, NonFiniteLossError, SegcliError, UsageError
from segcli.signals import Stopped
from segcli.steps.train import tuning
from segcli.steps.train.result import TrainResult
from segcli.steps.train.search_space import Options, Range, parse_space, usual_space
from segcli.steps.train.state import TrainState
from segcli.steps.train.tuning import tune
from tests.images import make_seg_dataset
from tests.steps.train.tiny import LineSession

pytest.importorskip("optuna")


def configured(output, **settings):
    values = {f"Train.{key}": value for key, value in settings.items()}
    shared = {"Global.model": "UNet-S", "Global.mode": "train", "Global.dataset_dir": "data"}
    return from_values({**shared, "Global.output": str(output), "Train.pretrain_weight_path": None, **values}).config


class Trainings:
    """Stands for trainings whose score follows from the rate: best at 0.01."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.ended_early = 0

    def __call__(self, config, watching) -> TrainResult:
        rate = config.Train.learning_rate
        self.rates.append(rate)
        final = 1 / (1 + abs(rate - 0.01) * 100)
        state = TrainState(LineSession(8, 1))
        reached = 0.0
        for step in range(1, 9):
            reached = final * step / 8
            state.iteration = step
            state.evaluation = type("E", (), {"score": reached, "metrics": {}})()
            for callback in watching:
                callback.on_evaluation(state)
            if state.stop_reason:
                self.ended_early += 1
                break
        paths = dict.fromkeys(("config", "train_log", "history", "curves"), "")
        return TrainResult(
            "UNet-S",
            ("a",),
            **paths,
            score_name="mIoU",
            best_score=reached,
            best_iteration=1,
            iterations=state.iteration,
            stop_reason=state.stop_reason,
            models={},
        )


SPACE = [Range("Train.learning_rate", 1e-4, 1.0)]


def test_the_best_settings_are_found_bad_trials_end_early_and_a_study_goes_on(tmp_path):
    trainings, config = Trainings(), configured(tmp_path)
    first = tune(config, SPACE, trainings, trials=8)
    assert len(first.trials) == 8
    second = tune(config, SPACE, trainings, trials=14)
    assert len(trainings.rates) == 14
    assert len(set(trainings.rates)) == 14
    assert trainings.ended_early == sum(one["state"] == "pruned" for one in second.trials) > 0
    assert second.best_score >= first.best_score
    best = min(trainings.rates, key=lambda rate: abs(rate - 0.01))
    assert second.best_values == {"Train.learning_rate": pytest.approx(best)}
    tuned = load_config(tmp_path / "tuned.yaml").config
    assert tuned.Train.learning_rate == pytest.approx(best)
    assert tuned.Train.plan == "off"
    json.dumps(second.as_dict())


def test_a_trial_that_breaks_is_lost_alone_and_a_signal_ends_the_study(tmp_path):
    plain = Trainings()

    def broken(config, watching):
        if len(plain.rates) == 1:
            plain.rates.append(0)
            raise NonFiniteLossError("NaN")
        if len(plain.rates) == 3:
            raise Stopped(2)
        return plain(config, watching)

    with pytest.raises(Stopped) as stop:
        tune(configured(tmp_path), SPACE, broken, trials=9)
    assert stop.value.message == "stopped by Ctrl-C after 3 of 9 trials" and "same command" in stop.value.hint
    (tmp_path / "trial_3" / "iter_1").mkdir(parents=True)
    result = tune(configured(tmp_path), SPACE, plain, trials=5)
    states = [one["state"] for one in result.trials]
    assert states.count("pruned") == 1 and states.count("complete") == 4
    assert not list((tmp_path / "trial_3").iterdir())


def test_a_trial_that_cannot_be_trained_is_not_tried_again(tmp_path):
    plain = Trainings()

    def broken(config, watching):
        raise SegcliError("does not fit")

    with pytest.raises(SegcliError, match="does not fit"):
        tune(configured(tmp_path), SPACE, broken, trials=2)
    result = tune(configured(tmp_path), SPACE, plain, trials=2)
    assert [one["state"] for one in result.trials] == ["fail", "complete"]


def test_a_trial_without_a_score_is_over_and_keeps_its_results(tmp_path):
    plain = Trainings()

    def unscored(config, watching):
        return replace(plain(config, watching), best_score=None)

    for _ in range(2):
        assert [one["state"] for one in tune(configured(tmp_path), SPACE, unscored, trials=2).trials] == ["fail"] * 2
    assert len(plain.rates) == 2 and (tmp_path / "trial_0" / "train_result.json").is_file()


def test_a_study_that_was_killed_while_it_wrote_goes_on(tmp_path):
    """Half a line at the end of the journal, and the lock that Optuna would wait half a minute for."""
    trainings = Trainings()
    tune(configured(tmp_path), SPACE, trainings, trials=2)
    with (tmp_path / "tune.log").open("ab") as journal:
        journal.write(b'{"op_code":4,"worker_id":"\xc3')
    (tmp_path / "tune.log.lock").symlink_to(tmp_path / "tune.log")
    assert len(tune(configured(tmp_path), SPACE, trainings, trials=4).trials) == 4
    assert len(tune(configured(tmp_path), SPACE, trainings, trials=4).trials) == 4
    assert len(trainings.rates) == 4


def test_what_is_searched_is_what_nobody_has_set(tmp_path):
    keys = [one.key for one in usual_space(configured(tmp_path))]
    assert keys == ["Train.learning_rate", "Train.augment.photometric", "Train.augment.scale_jitter", "Train.loss"]
    set_keys = {"learning_rate": 0.01, "loss": "dice"}
    assert [one.key for one in usual_space(configured(tmp_path, **set_keys))] == keys[1:3]


def test_a_space_is_written_as_ranges_and_options(tmp_path):
    config = configured(tmp_path)
    texts = ["Train.learning_rate=1e-4..1e-2", "Train.batch_size=2..8", "Train.loss=dice,ce", "Train.sampling=rare"]
    found = parse_space(texts, config)
    assert found == [
        Range("Train.learning_rate", 1e-4, 1e-2),
        Range("Train.batch_size", 2, 8, whole=True),
        Options("Train.loss", ("dice", "ce")),
        Options("Train.sampling", ("rare",)),
    ]
    assert found[0].by_logarithm and not found[1].by_logarithm
    with pytest.raises(ConfigError) as fault:
        parse_space(
            ["Train.learning_rat=1..2", "Train.input_size=64,96", "Train.time", "Train.batch_size=8..2"], config
        )
    said = str(fault.value)
    assert "did you mean Train.learning_rate" in said and "not read by a training of UNet-S" in said
    assert "KEY=LOW..HIGH" in said and "the lower bound first" in said


def test_what_stands_in_the_way_is_said(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="nothing is left to search"):
        tune(configured(tmp_path), [], Trainings(), trials=1)
    with pytest.raises(UsageError, match="one process"):
        tune(configured(tmp_path, cpu_processes=2), SPACE, Trainings(), trials=1)
    monkeypatch.setattr(tuning, "find_spec", lambda name: None)
    with pytest.raises(MissingPartError, match="optuna, which is not installed"):
        tune(configured(tmp_path), SPACE, Trainings(), trials=1)


def test_the_command_trains_and_leaves_the_best(tmp_path):
    make_seg_dataset(tmp_path / "data", train=4, val=2)
    output = tmp_path / "out"
    small = ["Train.plan=off", "Train.input_shape=[1,3,32,32]", "Train.epochs_iters=2", "Train.eval_interval=1"]
    done = CliRunner().invoke(
        main,
        [
            "tune",
            str(tmp_path / "data"),
            "--trials",
            "2",
            "--output",
            str(output),
            *[p for o in small for p in ("-o", o)],
        ],
    )
    assert done.exit_code == 0, done.output
    result = json.loads((output / "tune_result.json").read_text())
    assert result["done_flag"] and len(result["trials"]) == 2
    assert len(list(output.glob("trial_*/best_model/model.pdparams"))) == 1
    assert not list(output.glob("trial_*/iter_*"))
    assert load_config(output / "tuned.yaml").config.Train.loss is not None
