"""A check that is broken off ends with the images in work, however many are passed to a thread at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from segcli.data.samples import SegSample, Split
from segcli.steps.check.looks import LookPlan, looks

SECOND_CHUNK = 64


@dataclass
class SlowLook:
    """Holds the second chunk at its first sample until the check is given up."""

    given_up: threading.Event
    seen: list[str] = field(default_factory=list)

    def files(self, sample):
        return sample.image_file, sample.mask_file

    def headers(self, sample, split):
        raise AssertionError

    def decoded(self, sample, split):
        self.seen.append(sample.image.name)
        if len(self.seen) > SECOND_CHUNK:
            self.given_up.wait(20)
        return sample

    def completed(self, facts):
        return list(facts)

    def read(self, sample, split, plain):
        raise AssertionError

    def write(self, facts):
        return None


def test_a_check_that_is_broken_off_looks_at_no_further_image():
    samples = [SegSample(f"{number}.png", f"{number}m.png", number) for number in range(2048)]
    look = SlowLook(threading.Event())
    found = looks(LookPlan.of({Split.TRAIN: samples}, None), look, None, "semantic", 1)
    assert next(found) is samples[0]
    while len(look.seen) <= SECOND_CHUNK:
        pass
    threading.Timer(0.5, look.given_up.set).start()
    found.close()
    assert len(look.seen) == SECOND_CHUNK + 1
