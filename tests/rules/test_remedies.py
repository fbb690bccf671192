"""No dead ends: every command that a finding names is typed on a dataset that has the fault, and the fault goes."""

from __future__ import annotations

import re
import shlex

import pytest
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.errors import DatasetError
from segcli.rules import RULES
from segcli.rules.repair_hints import SOMETIMES
from segcli.steps.fix.table import REPAIRS
from tests.rules.replay import KINDS
from tests.rules.test_replay import REPLAYS

COMMAND = re.compile(r"segcli (?:fix|convert|split|undo) (?:'[^']*'|[^;,`' ]+)(?: NEW_FOLDER)?(?: --?[\w-]+(?: \w+)?)*")
WORDS = ("writes", "takes", "replaces")


def commands(hint: str) -> list[str]:
    found = [match[0] for match in COMMAND.finditer(hint or "")]
    return [" ".join(word for word in text.split(" ") if word not in WORDS) for text in found]


def look(kind, made, entry):
    try:
        return list((entry.look or kind.look)(made, entry.option))
    except DatasetError as error:
        return list(error.findings)


TYPED = {*REPAIRS, "C109", "D001", "L006", "S003", "S004", "V106"}
"""Rules whose remedy is a command."""


@pytest.mark.parametrize("entry", [one for one in REPLAYS if one.rule in TYPED], ids=lambda entry: entry.rule)
def test_a_remedy_that_is_a_command_works(tmp_path, entry):
    kind = KINDS[entry.rule[0]]
    made = kind.make(tmp_path / "data")
    entry.trigger(made)
    faults = [fault for fault in look(kind, made, entry) if fault.code == entry.rule]
    typed = dict.fromkeys(text for fault in faults for text in commands(fault.hint))
    assert typed
    for number, text in enumerate(typed):
        target = tmp_path / f"new{number}"
        words = shlex.split(text.replace("NEW_FOLDER", str(target)))[1:]
        words += ["--yes"] if words[0] in ("fix", "split") else []
        words += ["--output", str(tmp_path / "out")] if words[0] != "undo" else []
        if words[0] == "fix" and isinstance(entry.option, int):
            words += ["--num-classes", str(entry.option)]
        outcome = CliRunner().invoke(main, words)
        if "--allow-lossy" in outcome.output:  # what is refused names what to add
            outcome = CliRunner().invoke(main, [*words, "--allow-lossy"])
        assert outcome.exit_code in (0, 3), f"{shlex.join(words)}\n{outcome.output}"
        if str(target) in words:
            assert any(target.rglob("*.*")), outcome.output
        else:
            if entry.rule in SOMETIMES and "not repaired" in outcome.output:
                assert all(fault.hint.startswith(RULES[entry.rule].remedy) for fault in faults)
                break
            left = [fault for fault in look(kind, made, entry) if fault.code == entry.rule]
            assert len(left) < len(faults), f"{shlex.join(words)}\n{outcome.output}\n{left}"
            break  # what remains was said by the next check


def test_no_other_remedy_is_a_command():
    named = {rule.id for rule in RULES.values() if commands(rule.remedy)}
    assert named <= TYPED
