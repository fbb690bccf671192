"""Every rule has its page, in one form, and names only commands that there are."""

from __future__ import annotations

import re

import pytest
from typer.main import get_command

from segcli.cli.main import main
from segcli.rules import RULES
from segcli.rules.rule import SECTIONS, parse_rules

COMMANDS = set(get_command(main).commands)


@pytest.mark.parametrize("rule_id", RULES)
def test_a_page_has_all_sections_and_names_commands_that_there_are(rule_id):
    rule = RULES[rule_id]
    assert re.findall(r"^### (.+)$", rule.text, re.MULTILINE) == list(SECTIONS)
    assert all(len(rule.section(name)) >= 5 for name in SECTIONS)
    assert rule.title and rule.remedy
    assert set(re.findall(r"`segcli (\w+)", rule.page)) <= COMMANDS
    assert rule.page.count("```") % 2 == 0


@pytest.mark.parametrize("fields", ["- severity: error\n", "- severity: bad\n- remedy: x\n- repair: none\n"])
def test_a_section_that_lacks_something_is_refused(fields):
    with pytest.raises(ValueError, match=r"S900 lacks|not a valid Severity"):
        list(parse_rules(f"## S900: a title\n\n{fields}\n### What it finds\n"))
