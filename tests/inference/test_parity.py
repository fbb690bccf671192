from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from segcli.errors import ParityError
from segcli.inference.parity import Reference, compare

FILE = Path("logits.json")
IMAGES = [np.random.default_rng(seed).standard_normal((1, 3, 8, 9)).astype(np.float32) for seed in (0, 1)]


@dataclass
class Fake:
    """A runtime whose output is the trained network's, changed by `spoil`."""

    spoil: object
    name: str = "fake"

    def run(self, images):
        return self.spoil(network(images))


def network(images):
    return np.concatenate([images, images[:, :1] + 2], axis=1) * 5


REFERENCE = Reference.of(network, IMAGES)


def test_equal_output_passes_with_what_was_measured():
    parity = compare(Fake(lambda logits: logits + 1e-5), FILE, REFERENCE, 1e-3)
    assert parity.label_agreement == 1
    assert parity.max_abs_diff == pytest.approx(1e-5, rel=0.1)
    assert parity.max_rel_diff == pytest.approx(parity.max_abs_diff / REFERENCE.scale)


def test_labels_alone_are_compared_as_labels():
    parity = compare(Fake(lambda logits: logits.argmax(1).astype(np.int32)), FILE, REFERENCE, 1e-3)
    assert (parity.max_abs_diff, parity.label_agreement) == (None, 1)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda logits: logits + 1, "logits are off"),
        (lambda logits: logits * np.nan, "logits are off by inf"),
        (lambda logits: logits[:, :, ::2], "gives shape"),
        (lambda logits: (logits.argmax(1) + 1).astype(np.int32) % 4, "another class"),
    ],
)
def test_a_difference_fails(spoil, message):
    with pytest.raises(ParityError, match=message):
        compare(Fake(spoil), FILE, REFERENCE, 1e-3)


def test_undecided_pixels_may_change_their_class():
    tie = Reference((IMAGES[0],), (np.ones((1, 2, 8, 9), np.float32),))
    flipped = Fake(lambda logits: np.ones((1, 8, 9), np.int32))
    assert compare(flipped, FILE, tie, 1e-3).label_agreement == 0
