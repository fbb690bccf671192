"""Rules on all objects together leave alone what only looks like a fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from segcli.data.classes import ClassMap
from segcli.data.instances import CocoDataset, InstanceObject, InstanceSample
from segcli.data.samples import Split
from segcli.steps.check.dataset_rules import FEWEST_IMAGES, dataset_findings

WIDTH, HEIGHT = 64, 48
FRAME = (0.0, 0.0, 64.0, 0.0, 64.0, 48.0, 0.0, 48.0)
LEAF = (32.0, 0.0, 64.0, 24.0, 32.0, 48.0, 0.0, 24.0)


def codes(*names: str, ring: tuple[float, ...] = (4.0, 4.0, 20.0, 4.0, 20.0, 30.0)) -> list[str]:
    """Ids of the rules that a dataset breaks with one object of the first class in each image."""
    box = (min(ring[::2]), min(ring[1::2]), max(ring[::2]) - min(ring[::2]), max(ring[1::2]) - min(ring[1::2]))
    samples = tuple(
        InstanceSample(
            Path(f"{number}.png"), number, WIDTH, HEIGHT, (InstanceObject(number, 0, box, box[2] * box[3], (ring,)),)
        )
        for number in range(FEWEST_IMAGES)
    )
    dataset = CocoDataset(Path(), ClassMap(names), tuple(range(len(names))), samples, ())
    files = {split: f"annotations/{split.value}.json" for split in Split}
    return sorted({found.code for found in dataset_findings(dataset, files)})


@pytest.mark.parametrize(("ring", "expected"), [(FRAME, ["C169"]), (LEAF, [])])
def test_an_object_that_its_image_was_cropped_to_is_no_frame(ring, expected):
    assert codes("leaf", ring=ring) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [(("void",), []), (("void", "chip"), ["C170"]), (("cat", "__ignore__"), ["C170"]), (("cat", "dog"), [])],
)
def test_the_only_category_is_what_the_dataset_is_about(names, expected):
    assert codes(*names) == expected
