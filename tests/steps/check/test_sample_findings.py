"""What the rules find in ordinary files is known from the first of a kind, and told of each sample by its own names."""

from __future__ import annotations

import pytest

from segcli.data.decoding.headers import ImageHeader
from segcli.data.samples import SegSample, Split
from segcli.steps.check import semantic_rules
from segcli.steps.check.files import FileFacts
from segcli.steps.check.inspection import SampleFacts
from segcli.steps.check.sample_view import MaskScale
from segcli.steps.check.semantic_rules import SampleFindings

SMALL, GREY = ImageHeader("PNG", (16, 16), 3, 8), ImageHeader("PNG", (16, 16), 1, 8)
SCALE = MaskScale(classes=3, ignore_index=255)


def findings_of(rules, number, ids=b"\x00\x01", pixels=128, suffix=".png", **image):
    sample = SegSample(f"images/{number}{suffix}", f"masks/{number}.png", number)
    files = FileFacts(sample.image_file, SMALL, **image), FileFacts(sample.mask_file, GREY)
    facts = SampleFacts(sample, Split.TRAIN, *files, ids, (pixels,) * len(ids))
    (found,) = rules.of_each([facts], [f"train.txt line {number}"])
    return found


def told(found):
    return [(one.code, one.path, one.location) for one in found]


def test_each_sample_is_told_by_its_own_names():
    rules = SampleFindings(str, SCALE)
    for number in (1, 2, 3):
        expected = [("S212", f"images/{number}.png"), ("S305", f"masks/{number}.png")]
        found = findings_of(rules, number, ids=b"\x00")
        assert told(found) == [(*one, f"train.txt line {number}") for one in expected]


def test_the_rules_are_asked_once_of_files_of_a_kind(monkeypatch):
    asked = []
    monkeypatch.setattr(semantic_rules, "SAMPLE_RULES", (lambda view: asked.append(view.image) or (),))
    rules = SampleFindings(str, SCALE)
    kinds = [{}, {"ids": b"\x00"}, {"suffix": ".bmp"}, {"suffix": ""}]
    for number in range(3):
        for kind in kinds:
            findings_of(rules, number, **kind)
    assert asked == ["images/0.png", "images/0.png", "images/0.bmp", "images/0"]


@pytest.mark.parametrize(
    ("own", "code"),
    [({"is_cut": True}, "S204"), ({"fault": "broken"}, "S203"), ({"damage": "bits are lost"}, "S213")],
)
def test_a_file_with_a_fault_of_its_own_is_looked_at_by_itself(own, code):
    rules = SampleFindings(str, SCALE)
    for number, settings in enumerate([{}, own, {}, own]):
        assert (code in [found.code for found in findings_of(rules, number, **settings)]) == bool(settings)


def test_a_message_counts_the_pixels_of_its_own_mask():
    rules = SampleFindings(str, SCALE)
    messages = [found.message for pixels in (5, 7) for found in findings_of(rules, 1, b"\x00\x09", pixels)]
    assert [message for message in messages if "9" in message] == [
        f"id 9 ({pixels} px); the classes are 0 to 2" for pixels in (5, 7)
    ]
