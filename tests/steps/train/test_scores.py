"""A score that is not defined is null in every file, and "not defined" for a person."""

from __future__ import annotations

import json
import logging
import math

import pytest

from segcli.data.files import write_json_atomic
from segcli.data.json_writer import to_json
from segcli.engine import Evaluation
from segcli.models.card import ModelCard
from segcli.steps.train.history import read_history
from tests.steps.train.line_run import LineRuns


def strict(text: str):
    """JSON as the standard has it: Python's reader would take NaN."""

    def refuse(word: str):
        raise AssertionError(f"{word} in JSON")

    return json.loads(text, parse_constant=refuse)


def undefined(session) -> None:
    session.evaluate = lambda network: Evaluation(None, {"error": math.nan, "classes": {"a": [math.inf, 1.0]}})


def test_an_undefined_score_is_null_everywhere(line_run: LineRuns, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "segcli.train"):
        result = line_run(tmp_path, change=undefined, early_stop={"enable": True, "patience": 1})
    assert result.best_score is None and result.iterations == 8
    assert "fit not defined  (best not defined" in caplog.text
    lines = [strict(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    evaluations = [line for line in lines if line["event"] == "evaluate"]
    assert [line["score"] for line in evaluations] == [None, None]
    assert evaluations[0]["metrics"] == {"error": None, "classes": {"a": [None, 1.0]}}
    for path in tmp_path.rglob("*.json"):
        strict(path.read_text())
    best = ModelCard.beside(tmp_path / "best_model" / "model.pdparams")
    assert (best.iteration, best.score) == (8, {})
    again = line_run(tmp_path, epochs_iters=12, resume_path="last")
    assert again.best_score is not None and again.best_iteration == 12
    assert read_history(tmp_path / "history.jsonl")[-1]["score"] == again.best_score


def test_a_defined_score_is_not_replaced_by_an_undefined_one(line_run: LineRuns, tmp_path):
    line_run(tmp_path, change=lambda session: session.scores.extend([0.5, 0.4]))
    result = line_run(tmp_path, epochs_iters=12, resume_path="last", change=undefined)
    assert (result.best_score, result.best_iteration) == (0.5, 4)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_json_has_no_numbers_that_are_none(value, tmp_path):
    write_json_atomic(tmp_path / "a.json", {"score": value, "list": [value, 1.5], "text": "NaN"})
    assert strict((tmp_path / "a.json").read_text()) == {"score": None, "list": [None, 1.5], "text": "NaN"}
    assert to_json({"a": 1.5}) == '{"a": 1.5}'


def test_scores_of_0_are_no_plateau(line_run: LineRuns, tmp_path):
    """The AP of a network that has yet to find its first object says nothing of how it learns."""

    def late(session):
        session.scores = [0.0, 0.0, 0.0, 0.5, 0.4, 0.3]

    result = line_run(
        tmp_path, epochs_iters=24, change=late, eval_interval=2, early_stop={"enable": True, "patience": 2}
    )
    assert (result.best_score, result.iterations) == (0.5, 12)
    assert "has not risen above 0.5000 for 2 evaluations" in result.stop_reason
