"""Every rule has its page, in one form, and names only commands that there are."""

from __future__ import annotations

import re

import pytest
from typer.main import get_command

from segcli.cli.main import main
from segcli.models.instance.table import SIZED
from segcli.rules import RULES
from segcli.rules.rule import SECTIONS, parse_rules
from segcli.steps.fix.table import REPAIRS

COMMANDS = set(get_command(main).commands)


@pytest.mark.parametrize("rule_id", RULES)
def test_a_page_has_all_sections_and_names_commands_that_there_are(rule_id):
    rule = RULES[rule_id]
    assert re.findall(r"^### (.+)$", rule.text, re.MULTILINE) == list(SECTIONS)
    assert all(len(rule.section(name)) >= 5 for name in SECTIONS)
    assert rule.title and rule.remedy
    assert set(re.findall(r"`segcli (\w+)", rule.page)) <= COMMANDS
    assert rule.page.count("```") % 2 == 0


@pytest.mark.parametrize("rule_id", sorted(REPAIRS))
def test_a_page_of_a_rule_with_a_repair_names_its_command(rule_id):
    assert f"segcli fix DATASET --select {rule_id}" in RULES[rule_id].section("Repair")


def test_a_page_of_a_rule_without_repair_promises_none():
    others = [rule for rule in RULES.values() if rule.id not in REPAIRS]
    assert not [rule.id for rule in others if "segcli fix" in rule.section("Repair")]


def test_which_models_learn_from_images_without_objects_is_told():
    learning = [name for name, row in SIZED.items() if not row.needs_objects]
    assert learning
    assert all(name in RULES["C117"].remedy for name in learning)
    assert not [name for name in SIZED if name not in learning and name in RULES["C117"].page]


@pytest.mark.parametrize("fields", ["- severity: error\n", "- severity: bad\n- remedy: x\n- repair: none\n"])
def test_a_section_that_lacks_something_is_refused(fields):
    with pytest.raises(ValueError, match=r"S900 lacks|not a valid Severity"):
        list(parse_rules(f"## S900: a title\n\n{fields}\n### What it finds\n"))
