"""Rules are set by id or by the beginning of ids, in the configuration and on the command line."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.config.load import load_config
from segcli.errors import ConfigError
from segcli.findings import Severity
from segcli.rules import RULES, finding
from segcli.rules.settings import RuleSettings
from tests.seg_folder import make_seg_folder

IDS = ("S104", "S203", "S209", "S501", "C145")


def kept(**given):
    settings = RuleSettings.of(given.get("rules"), given.get("select"), given.get("ignore"))
    return {found.code: found.severity.value for found in settings.apply(finding(id_, "a", "b") for id_ in IDS)}


OWN = {id_: RULES[id_].severity.value for id_ in IDS}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, OWN),
        ({"rules": {"S501": "warning", "c145": "error"}}, {**OWN, "S501": "warning", "C145": "error"}),
        ({"rules": {"S": False, "S203": "info"}}, {"S203": "info", "C145": "warning"}),
        ({"select": ["S2"]}, {"S203": "error", "S209": "info"}),
        ({"select": ["S"], "ignore": ["S2"]}, {"S104": "warning", "S501": "error"}),
        ({"select": ["S209"], "ignore": ["S2"]}, {"S209": "info"}),
        ({"ignore": ["S", "C"]}, {}),
    ],
)  # fmt: skip
def test_the_longer_beginning_counts(given, expected):
    assert kept(**given) == expected


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("CheckDataset.select=[S99]", "no rule id begins with it"),
        ("CheckDataset.rules={S999: off}", "no rule id begins with it"),
        ("CheckDataset.rules={S501: fatal}", "expected error, warning, info, off"),
    ],
)
def test_unknown_rules_and_levels_are_faults_of_the_configuration(override, words):
    with pytest.raises(ConfigError, match=words):
        load_config(None, ["Global.model=PP-LiteSeg-T", "Global.dataset_dir=data", override])


@pytest.fixture
def folder(tmp_path):
    """A dataset with one warning, S104."""
    made = make_seg_folder(tmp_path / "data")
    with (made.root / "train.txt").open("a") as file:
        file.write("images/a1.jpg annotations/a1.png\n")
    return made


def check(folder, *words):
    output = folder.root.parent / "out"
    done = CliRunner().invoke(main, ["check", str(folder.root), "--output", str(output), *words])
    return done, json.loads((output / "check_dataset_result.json").read_text())


def test_strict_fails_on_a_warning(folder):
    assert check(folder)[0].exit_code == 0
    done, result = check(folder, "--strict")
    assert done.exit_code == 3
    assert result["check_pass"] is False
    assert check(folder, "--strict", "--ignore", "S104,S2")[0].exit_code == 0


def test_severities_of_the_configuration_reach_the_verdict(folder):
    done, result = check(folder, "-o", "CheckDataset.rules={S104: error}")
    assert done.exit_code == 3
    assert [found["severity"] for found in result["findings"]] == [Severity.ERROR.value]
    assert result["rules"]["S104"] == {
        "title": RULES["S104"].title,
        "count": 1,
        "help": "segcli rule S104",
    }


def test_sarif(folder):
    folder.image("a4").write_bytes(b"")
    target = folder.root.parent / "findings.sarif"
    check(folder, "--sarif", str(target))
    run = json.loads(target.read_text())["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["S104", "S203"]
    empty, twice = run["results"]
    assert rules[empty["ruleIndex"]]["id"] == empty["ruleId"] == "S203"
    assert empty["level"] == "error"
    assert empty["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "images/a4.jpg",
        "uriBaseId": "DATASET",
    }
    assert empty["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "val.txt line 2"}]
    assert twice["locations"][0]["physicalLocation"]["region"] == {"startLine": 4}


def test_sarif_is_written_where_there_is_no_dataset_too(tmp_path):
    target = tmp_path / "findings.sarif"
    words = ["check", str(tmp_path), "--output", str(tmp_path / "out"), "--sarif", str(target)]
    assert CliRunner().invoke(main, words).exit_code == 3
    assert [found["ruleId"] for found in json.loads(target.read_text())["runs"][0]["results"]] == ["S001"]


def test_the_command_rule():
    page = CliRunner().invoke(main, ["rule", "s304"])
    assert page.exit_code == 0
    assert page.stdout.split() == RULES["S304"].page.split()
    assert max(map(len, page.stdout.splitlines())) <= 80
    listed = CliRunner().invoke(main, ["rule", "S3", "--json"])
    assert [entry["id"] for entry in json.loads(listed.stdout)] == [id_ for id_ in RULES if id_.startswith("S3")]
    unknown = CliRunner().invoke(main, ["rule", "S34"])
    assert unknown.exit_code == 2
    assert "did you mean" in unknown.stderr


def test_rule_ids_are_completed():
    from segcli.cli.completion import complete_rules

    assert ("S304", RULES["S304"].title) in complete_rules("s30")
