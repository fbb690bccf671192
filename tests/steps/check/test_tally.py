"""Counts over all masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from segcli.data.id_counts import present_ids
from segcli.data.samples import SegSample, Split
from segcli.steps.check.files import FileFacts
from segcli.steps.check.inspection import SampleFacts
from segcli.steps.check.tally import Tally


def test_classes_that_occur_together_are_counted_by_masks() -> None:
    rng, tally, expected = np.random.default_rng(0), Tally(), np.zeros((256, 256), np.int64)
    for number in range(40):
        ids = rng.choice([0, 1, 2, 7, 8, 254, 255], size=rng.integers(1, 5), replace=False)
        counts = np.bincount(ids, minlength=256) * 5
        name = Path(f"{number}.png")
        whole = FileFacts(name, None)
        tally.update(SampleFacts(SegSample(name, name, number), Split.TRAIN, whole, whole, *present_ids(counts)))
        expected[np.ix_(ids, ids)] += 1
    assert tally.together.tolist() == expected.tolist()


def test_counts_that_wait_to_be_added_are_in_every_sum() -> None:
    tally, whole, most = Tally(), FileFacts("0.png", None), 9000
    for number in range(1, most + 1):
        split = Split.VAL if number % 3 == 0 else Split.TRAIN
        sample = SegSample("0.png", "0.png", number)
        tally.update(SampleFacts(sample, split, whole, whole, b"\x01\xff", (number, 3)), times=2)
        if number in (1, 300, most):
            assert sum(pixels[1] for pixels in tally.pixels.values()) == number * (number + 1)
    assert tally.pixels[Split.VAL].tolist() == [0, 2 * sum(range(3, most + 1, 3)), *[0] * 253, 2 * most]
