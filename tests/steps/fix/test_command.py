"""`segcli fix`: one question, a plan that is of now, rules by prefix, and a hint in the check that works when typed."""

from __future__ import annotations

import json
import shlex

import pytest
from PIL import Image
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.errors import BusyError, UsageError
from segcli.models.task import Task
from segcli.steps.check.semantic import examine_seg_dataset
from segcli.steps.fix.command import apply_fix, plan_fix
from tests.files import snapshot
from tests.seg_folder import make_seg_folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = make_seg_folder(tmp_path / "my data")
    with (made.root / "train.txt").open("a") as file:
        file.write("images/a0.jpg annotations/a0.png\n")
    return made


def run(*words, **more):
    return CliRunner().invoke(main, list(words), **more)


def test_the_hint_of_the_check_works_when_typed(folder):
    (found,) = examine_seg_dataset(folder.root).findings
    command, _, other = found.hint.partition("; or ")
    words = shlex.split(command)
    assert words == ["segcli", "fix", str(folder.root), "--select", "S104"]
    assert other
    outcome = run(*words[1:], "--yes")
    assert outcome.exit_code == 0, outcome.output
    assert not examine_seg_dataset(folder.root).findings
    result = json.loads((folder.root.parent / "output" / "fix_result.json").read_text())
    assert result["done_flag"] and result["findings"] == [] and result["backups"] == ["train.txt.bak"]
    outcome = run("undo", str(folder.root))
    assert outcome.exit_code == 0 and "taken back  fix" in outcome.output


def test_a_dry_run_and_nobody_to_ask_write_nothing(folder):
    before = snapshot(folder.root, without="")
    outcome = run("fix", str(folder.root), "--dry-run")
    assert outcome.exit_code == 0 and "1 repeated line removed (4)" in outcome.output
    outcome = run("fix", str(folder.root))
    assert outcome.exit_code == 2 and "--yes" in outcome.output
    assert snapshot(folder.root, without="") == before
    assert not (folder.root.parent / "output").exists()


def test_one_question(folder, monkeypatch):
    monkeypatch.setattr("segcli.cli.fixing.sys.stdin.isatty", lambda: True, raising=False)
    from segcli.cli import fixing

    asked = []
    monkeypatch.setattr(fixing, "_agreed", lambda plan: asked.append(plan.draft.changed) or False)
    before = snapshot(folder.root, without="")
    outcome = run("fix", str(folder.root))
    assert outcome.exit_code == 1 and "nothing was changed" in outcome.output
    assert snapshot(folder.root, without="") == before and asked == [["train.txt"]]


def test_nothing_to_repair(folder):
    folder.write_list("train", ["a0", "a1", "a2"])
    outcome = run("fix", str(folder.root), "--yes")
    assert outcome.exit_code == 0 and "nothing to repair" in outcome.output


def test_what_is_left_is_not_called_repaired_and_not_offered_again(folder):
    Image.new("L", (40, 90)).save(folder.root / "annotations" / "a1.png")
    outcome = run("fix", str(folder.root), "--yes")
    assert outcome.exit_code == 0 and "not repaired" in outcome.output
    assert "can be repaired" not in outcome.output
    outcome = run("fix", str(folder.root), "--yes")
    assert "fix: nothing could be repaired" in outcome.output and "✔" not in outcome.output


@pytest.mark.parametrize(("word", "message"), [("S305", "by hand"), ("X9", "no repair exists for rule 'X9'")])
def test_rules_without_a_repair(folder, word, message):
    with pytest.raises(UsageError, match=message):
        plan_fix(folder.root, Task.SEMANTIC, select=[word])


def test_rules_are_chosen_by_their_beginning(folder):
    assert plan_fix(folder.root, Task.SEMANTIC, select=["s1,C1"]).draft.changed == ["train.txt"]
    assert not plan_fix(folder.root, Task.SEMANTIC, select=["S4"]).draft.changed


def test_a_file_that_a_person_changed_meanwhile_is_not_overwritten(folder):
    plan = plan_fix(folder.root, Task.SEMANTIC)
    with (folder.root / "train.txt").open("a") as file:
        file.write("images/a4.jpg annotations/a4.png\n")
    before = snapshot(folder.root, without="")
    with pytest.raises(BusyError, match="changed since the plan was made"):
        apply_fix(plan)
    assert snapshot(folder.root, without="") == before
