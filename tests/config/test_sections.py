"""Sections read values as pydantic's models of the same keys do, with or without them."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest

from segcli.config.keys import leaves, sections
from segcli.config.schema import Config, PredictConfig, Section, ValuesError
from segcli.config.schema.lenient import validate
from segcli.config.schema.plain import UNSURE, read_section
from segcli.config.tree import put

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 2, -1, 3, 16, 17, 100, 101, 1 << 53, -(1 << 60), 0.0, 1.0, 0.5, -0.5, 1.5, 1e300),
    *(math.inf, math.nan, "", "1", "auto", "off", "OFF", "train", "trian", "cpu", "é", "a\udcff", "true", b"auto"),
    *([], (), [1], [0], [1, 2], [2, 1], (32.0, 96.0), [1.5, "2"], [True, 1], [1, 2, 3, 4], [-1, 3, -1, -1]),
    *(["png"], ["paddle"], ["label", "coco"], [None], {}, {"a": 1}, {"a": None}, {1: 2}, {"a": "x"}, [{"a": 1}], {1}),
)


def _told(read: Any, section: type[Section], values: dict[str, Any]) -> Any:
    try:
        found = read(section, values)
    except ValuesError as error:
        return str(error).partition("    For further information")[0].strip(), [
            repr(problem) for problem in error.problems
        ]
    return repr(found), found.model_dump(), repr(found.model_dump(mode="json")), found.model_fields_set


def _own(section: type[Section], values: dict[str, Any]) -> Section:
    return section.model_validate(values)


@pytest.mark.parametrize("key", leaves())
def test_a_value_is_read_as_by_pydantic(key: str) -> None:
    parent, _, name = key.rpartition(".")
    section = sections()[parent]
    needed = {one: [64, 64] for one, rule in section.model_fields.items() if rule.is_required}
    for value in VALUES:
        values = {**needed, name: value}
        problems: list[Any] = []
        if read_section(section, values, (), problems) is not UNSURE:
            own, expected = (_told(read, section, values) for read in (_own, validate))
            assert repr(own) == repr(expected), ascii(value)


def test_common_values_need_no_pydantic() -> None:
    told = {
        "Global.model": "PP-LiteSeg-T",
        "Train.learning_rate": 1,
        "Train.num_workers": 4,
        "Predict.input": ["a.jpg", "ö.jpg"],
        "Predict.target_size": [640, 480],
        "Predict.augment.scales": [1, 0.5],
        "Predict.sliding_window": {"crop_size": [64, 64], "stride": (32, 32)},
        "Evaluate.fail_under": {"mIoU": 0.5},
    }
    values: dict[str, Any] = {}
    for key, value in told.items():
        put(values, key, value)
    problems: list[Any] = []
    found = read_section(Config, values, (), problems)
    assert not problems and found.Train.learning_rate == 1.0 and found.Predict.augment.scales == (1.0, 0.5)
    assert found.Predict.sliding_window.stride == (32, 32) and found.Predict.input == ("a.jpg", "ö.jpg")
    assert found == validate(Config, values) and found.Predict.model_fields_set == set(values["Predict"])


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        ({}, {("Global",): "missing"}),
        ({"Global": {}}, {("Global", "model"): "missing"}),
        ({"Global": {"model": "m", "mode": "trian"}}, {("Global", "mode"): "literal_error"}),
        ({"Global": {"model": "m"}, "Train": {"amp": "O3", "plan": "x"}}, {("Train", "plan"): "literal_error"}),
        ({"Global": {"mode": "x"}, "Export": {"tolerance": 0}}, {("Export", "tolerance"): "greater_than"}),
        ({"Global": {"model": "m"}, "Train": {"batchsize": 1}}, {("Train", "batchsize"): "extra_forbidden"}),
        ({"Global": {"model": "m", "seed": True}}, {("Global", "seed"): "int_type"}),
    ],
)
def test_faults_are_those_of_pydantic(values: dict[str, Any], kinds: dict[tuple[str, ...], str]) -> None:
    with pytest.raises(ValuesError) as own:
        Config.model_validate(values)
    with pytest.raises(ValuesError) as lenient:
        validate(Config, values)
    assert own.value.problems == lenient.value.problems or "input_value=<object" in str(own.value)
    assert kinds.items() <= {problem.loc: problem.type for problem in own.value.problems}.items()
    assert str(own.value).splitlines()[0] == str(lenient.value).splitlines()[0]


def test_a_section_is_a_value() -> None:
    settings = PredictConfig(batch_size=2, input="a.jpg")
    copy = settings.model_copy(update={"threshold": 0.5})
    assert (copy.threshold, copy.batch_size, settings.threshold) == (0.5, 2, None)
    assert copy.model_dump(exclude_unset=True) == {"batch_size": 2, "input": "a.jpg", "threshold": 0.5}
    assert copy.model_dump(exclude_unset=True, exclude=("input",)) == {"batch_size": 2, "threshold": 0.5}
    assert pickle.loads(pickle.dumps(copy)) == copy != settings and len({copy, settings, PredictConfig()}) == 3
    with pytest.raises(AttributeError, match=r"PredictConfig\.threshold cannot be changed"):
        settings.threshold = 0.1  # type: ignore[misc]
    assert PredictConfig.model_validate({"augment": copy.augment}).augment == copy.augment
    assert "batch_size=2, model_dir='output/best_model/inference'" in repr(settings)


def test_dumps_for_json_hold_only_what_json_can() -> None:
    held = {"a": (1, {"b": [None, 0.5]}), "c": math.inf, "d": {1: 2}}
    settings = PredictConfig(engine_config=held)
    expected = validate(PredictConfig, {"engine_config": held}).model_dump()["engine_config"]
    assert settings.model_dump()["engine_config"] == held == expected
    of_json = settings.model_dump(mode="json")["engine_config"]
    assert of_json == {"a": [1, {"b": [None, 0.5]}], "c": math.inf, "d": {"1": 2}}
    copied = settings.model_dump()["engine_config"]
    copied["a"][1]["b"].append(1)
    assert settings.engine_config == held
