"""The table of `scripts/bench learn`, from results of several calls."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.learn import command
from tests.bench.learn.results import OURS, REFERENCE, Learnt, Results, bar_of, table, verdict
from tests.bench.learn.runs import run_counted
from tests.bench.learn.tasks import TASKS

SEG, INST = TASKS[0], TASKS[4]
SEED_0 = Learnt("SEG", 0, OURS, None, "UNet-S", 0.53, 900, 550.0, 700.0, ((275.0, 0.5), (550.0, 0.53)))


def test_results_of_several_calls_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "new" / "learn.json"
    Results(path).put(SEED_0)
    Results(path).put(replace(SEED_0, seed=1, score=0.50))
    Results(path).put(replace(SEED_0, seed=1, score=0.51, curve=((275.0, 0.49), (550.0, 0.51))))
    results = Results(path)
    assert list(results) == [SEED_0, replace(SEED_0, seed=1, score=0.51, curve=((275.0, 0.49), (550.0, 0.51)))]
    text = table(results)
    assert "| SEG | 0 | UNet-S | mIoU 0.530 | 0.520 | 900 | 550 | 700 | met |" in text
    assert "| mIoU 0.510 | 0.520 | 900 | 550 | 700 | missed |" in text
    assert text.endswith("SEG, seed 1: 275 s 0.490, 550 s 0.510")


@pytest.mark.parametrize(
    ("learnt", "expected"),
    [
        (SEED_0, "met"),
        (replace(SEED_0, score=0.52), "met"),
        (replace(SEED_0, score=0.519), "missed"),
        (replace(SEED_0, cpu_seconds=601.0), "missed"),
        (replace(SEED_0, time="60s"), "another time"),
        (replace(SEED_0, who=REFERENCE), ""),
    ],
)
def test_a_bar_is_met_in_the_plan_s_own_time_alone(learnt: Learnt, expected: str) -> None:
    assert verdict(SEG, learnt, SEG.bar) == expected


def test_where_no_bar_is_given_it_is_the_reference_in_the_same_time(tmp_path: Path) -> None:
    results = Results(tmp_path / "learn.json")
    ours = replace(SEED_0, data="INST", score=0.05)
    assert bar_of(INST, results, None) is None and verdict(INST, ours, None) == "no reference"
    results.put(replace(ours, who=REFERENCE, score=0.05))
    assert bar_of(INST, results, "60s") is None
    bar = bar_of(INST, results, None)
    assert verdict(INST, ours, bar) == "missed" and verdict(INST, replace(ours, score=0.051), bar) == "met"


def test_the_table_alone_trains_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "learn.json"
    Results(path).put(replace(SEED_0, score=0.4))
    assert command.main(["--table", "--results", str(path)]) == 1
    assert "| missed |" in capsys.readouterr().out


def test_a_training_is_stopped_as_soon_as_that_is_enough() -> None:
    ended = run_counted([sys.executable, "-c", "import time; time.sleep(60)"], lambda: True)

    assert ended.was_stopped and ended.cpu_seconds < 10 and ended.memory_mb > 1


def test_a_training_that_fails_is_no_result() -> None:
    with pytest.raises(RuntimeError, match="no disk"):
        run_counted([sys.executable, "-c", "raise OSError('no disk')"])
