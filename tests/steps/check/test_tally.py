"""Counts over all masks."""

from __future__ import annotations

import numpy as np

from segcli.data.id_counts import present_ids
from segcli.data.samples import SegSample, Split
from segcli.steps.check.files import FileFacts
from segcli.steps.check.inspection import SampleFacts
from segcli.steps.check.tally import Tally


def facts_of(split: Split, ids: bytes, counts: tuple[int, ...] | None) -> SampleFacts:
    whole = FileFacts("0.png", None)
    return SampleFacts(SegSample("0.png", "0.png", 1), split, whole, whole, ids, counts)


def test_classes_that_occur_together_are_counted_by_masks() -> None:
    rng, tally, expected = np.random.default_rng(0), Tally(), np.zeros((256, 256), np.int64)
    for _ in range(40):
        ids = rng.choice([0, 1, 2, 7, 8, 254, 255], size=rng.integers(1, 5), replace=False)
        own = facts_of(Split.TRAIN, *present_ids(np.bincount(ids, minlength=256) * 5))
        tally.update(Split.TRAIN, [own], [1])
        expected[np.ix_(ids, ids)] += 1
    assert tally.together.tolist() == expected.tolist()


def test_samples_count_as_often_as_they_are_listed_however_many_are_added_at_once() -> None:
    rng, once, by_one = np.random.default_rng(0), Tally(), Tally()
    for split in Split:
        masks = rng.integers(0, 4, (50, 256)) * (rng.random((50, 256)) < 0.05)
        times = rng.integers(1, 4, 50)
        samples = [facts_of(split, *present_ids(counts)) for counts in masks]
        samples.insert(7, facts_of(split, b"", None))
        listed = times.tolist()
        listed.insert(7, 5)
        once.update(split, samples, listed)
        for sample, number in zip(samples, listed, strict=True):
            by_one.update(split, [sample], [number])
        for tally in (once, by_one):
            np.testing.assert_array_equal(tally.pixels[split], (masks * times[:, np.newaxis]).sum(axis=0))
            np.testing.assert_array_equal(tally.images[split], ((masks > 0) * times[:, np.newaxis]).sum(axis=0))
