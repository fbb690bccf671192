"""Faults found by trial are named as what they are, in a dataset made here and in the one they were found with."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from segcli import app
from segcli.cli.main import main
from tests.rules.trials import TRIALS, Trial

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    pytest.param(name, marks=[pytest.mark.slow] if trial.words[:1] == ("train",) else [])
    for name, trial in TRIALS.items()
]
NAMED = re.compile(r"^([A-Z]\d{3}) (?:error|warning|info) ", re.MULTILINE)


def typed(trial: Trial, dataset: Path, output: Path) -> tuple[int, str]:
    """The exit code and what `segcli` showed; main.py's text goes to the terminal."""
    if trial.config is not None:
        overrides = ["Global.mode=check_dataset", f"Global.dataset_dir={dataset}", f"Global.output={output}"]
        return app.start(ROOT / "configs" / f"{trial.config}.yaml", [*overrides, *trial.words]), ""
    command, *options = trial.words
    place = ["--dataset", str(dataset)] if command == "train" else [str(dataset)]
    outcome = CliRunner().invoke(main, [command, *place, *options, "--output", str(output)])
    return outcome.exit_code, outcome.output


def look(trial: Trial, dataset: Path, output: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, set[str]]:
    """Types the command and compares what every dataset with the fault has in common."""
    code, shown = typed(trial, dataset, output)
    captured = capsys.readouterr()
    shown += captured.out + captured.err
    named = set(NAMED.findall(shown))
    assert named >= set(trial.found), shown
    assert not named & set(trial.never), shown
    words = " ".join(shown.split())
    assert "please report it" not in words and "Traceback" not in words
    for text in trial.says:
        assert text in words
    if trial.then is not None:
        trial.then(dataset)
    return code, named


@pytest.mark.parametrize("name", ROWS)
def test_a_fault_is_named_as_what_it_is(tmp_path, capsys, name):
    trial = TRIALS[name]
    trial.make(tmp_path / "data")
    code, named = look(trial, tmp_path / "data", tmp_path / "out", capsys)
    assert code == trial.exit_code
    assert named == set(trial.found)


@pytest.mark.parametrize("name", ROWS)
def test_the_dataset_it_was_found_with(tmp_path, capsys, shared, name):
    trial = TRIALS[name]
    source = shared(f"cases/{name.split()[0]}/{trial.data}")
    shutil.copytree(source, tmp_path / "data", copy_function=shutil.copyfile)
    for path in (tmp_path / "data", *(tmp_path / "data").rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    code, named = look(trial, tmp_path / "data", tmp_path / "out", capsys)
    assert code == (3 if trial.also else trial.exit_code)
    assert named >= set(trial.also)
