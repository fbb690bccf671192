"""Output survives any terminal, fits 80 columns, and is JSON where a program asks for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from segcli import terminal
from segcli.cli.main import main
from segcli.findings import Finding, Severity
from tests.seg_folder import make_seg_folder

ROOT = Path(__file__).resolve().parents[1]


def segcli(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-m", "segcli", *arguments]
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, check=False)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp936"])
def test_a_poor_encoding_changes_neither_exit_code_nor_result(encoding: str, tmp_path: Path):
    make_seg_folder(tmp_path / "data")
    done = segcli("check", "data", cwd=tmp_path, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert b"ok: check_dataset" in done.stdout
    assert json.loads((tmp_path / "output" / "check_dataset_result.json").read_text())["done_flag"] is True


def test_lines_fit_80_columns_without_a_terminal(tmp_path: Path):
    folder = make_seg_folder(tmp_path / "data", train=4)
    next((folder.root / "annotations").iterdir()).unlink()
    for arguments in (["check", "data"], ["check", "--help"], ["train", "data", "-o", "Train.batchsize=3"]):
        done = segcli(*arguments, cwd=tmp_path)
        for line in (done.stdout + done.stderr).decode().splitlines():
            assert len(line) <= 80 or " " not in line.strip(), line


def test_json_is_the_only_output_and_the_result_object(tmp_path: Path):
    folder = make_seg_folder(tmp_path / "data")
    done = segcli("check", "data", "--json", cwd=tmp_path)
    written = json.loads((tmp_path / "output" / "check_dataset_result.json").read_text())
    assert json.loads(done.stdout) == written
    next((folder.root / "annotations").iterdir()).unlink()
    done = segcli("check", "data", "--json", cwd=tmp_path)
    assert done.returncode == 3 and json.loads(done.stdout)["done_flag"] is False
    done = segcli("train", "data", "--json", "-o", "Train.batchsize=3", cwd=tmp_path)
    assert done.returncode == 2 and json.loads(done.stdout)["faults"][0]["key"] == "Train.batchsize"


def commands(group, prefix=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*prefix, name))
        else:
            yield (*prefix, name), command


def test_every_command_takes_json():
    for name, command in commands(get_command(main)):
        assert any("--json" in option.opts for option in command.params), name


@pytest.mark.parametrize(
    ("arguments", "holds"),
    [(("models", "--task", "semantic"), "PP-LiteSeg-T"), (("demo", "d", "--images", "5"), "train")],
)
def test_a_command_without_a_result_object_gives_what_it_shows(arguments, holds: str, tmp_path: Path):
    assert holds in json.dumps(json.loads(segcli(*arguments, "--json", cwd=tmp_path).stdout))


def test_names_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]):
    name = "a\x1b[31m\udcff\u202e.png"
    terminal.show_findings([Finding("S101", Severity.ERROR, name, f"{name} is broken", hint=name)])
    terminal.show_summary(name, [("file", name)])
    terminal.show_failure(name, name)
    shown = "".join(capsys.readouterr())
    assert "\x1b" not in shown and "\udcff" not in shown and "\u202e" not in shown
    assert "a\\x1b[31m\\xff\\u202e.png" in shown


def test_a_failed_start_keeps_the_result_of_an_earlier_run(tmp_path: Path):
    (tmp_path / "output").mkdir()
    result = tmp_path / "output" / "evaluate_result.json"
    result.write_text('{"done_flag": true, "metrics": {"mIoU": 0.5}}')
    for fault in (["-o", "Evaluate.batchsize=3"], ["--weights", "absent.pdparams"]):
        done = segcli("evaluate", "data", "-m", "PP-LiteSeg-T", "--output", "output", *fault, cwd=tmp_path)
        assert done.returncode in (1, 2), done.stderr
        assert json.loads(result.read_text())["metrics"] == {"mIoU": 0.5}
    result.write_text('{"done_flag": false}')
    segcli("evaluate", "data", "-m", "PP-LiteSeg-T", "--output", "output", "-o", "Evaluate.batchsize=3", cwd=tmp_path)
    assert json.loads(result.read_text())["err_type"] == "ConfigError"


def test_the_page_of_a_rule_fits_without_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "80")
    code = "x" * 100
    terminal.show_markdown(f"# Title\n\n{'a long sentence ' * 12}\n\n```text\n{code}\n```\n\n-> the end\n")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "# Title" and lines[-1] == "-> the end" and code in lines
    assert max(len(line) for line in lines if line != code) <= 80


def test_a_reader_that_has_seen_enough_stops_nothing(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        for _ in range(2):
            terminal.show_summary("check", [("samples", "4")])
