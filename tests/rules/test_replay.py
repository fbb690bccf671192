"""Every rule is triggered by its smallest dataset and by no sound one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from segcli.rules import RULES
from tests.rules.coco_cases import COCO
from tests.rules.formats_cases import FORMATS
from tests.rules.labelme_cases import LABELME
from tests.rules.masks_cases import MASKS
from tests.rules.replay import KINDS, Replay, looked_at
from tests.rules.state_cases import STATE

REPLAYS: tuple[Replay, ...] = (*LABELME, *MASKS, *COCO, *STATE, *FORMATS)


def test_every_rule_has_one_entry():
    assert sorted(entry.rule for entry in REPLAYS) == list(RULES)


@pytest.mark.parametrize("entry", REPLAYS, ids=[entry.rule for entry in REPLAYS])
def test_a_rule_finds_its_fault_and_no_less(tmp_path, entry):
    kind = KINDS[entry.rule[0]]
    kind = replace(kind, look=entry.look or kind.look)
    found = looked_at(tmp_path / "fault", kind, entry.trigger, entry.option)
    assert entry.rule in {fault.code for fault in found}, found
    for fault in found:
        assert fault.severity is RULES[fault.code].severity
        assert fault.hint and fault.message and fault.path
    near = looked_at(tmp_path / "near", kind, entry.near, entry.near_option)
    assert entry.rule not in {fault.code for fault in near}, near


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_dataset_has_no_findings(tmp_path, kind):
    assert looked_at(tmp_path / "data", KINDS[kind]) == []
