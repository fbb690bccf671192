"""Labels are compared with the edges of their images: on drawn scenes, and on the photographs at hand."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from segcli.data.formats.instance_data import scan_instances
from segcli.data.image import read_image
from segcli.steps.check.files import SKETCH_PX
from segcli.steps.check.placement import READINGS, Placed, borders_of_objects, misplaced

WRONG: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "y is measured from the bottom": np.flipud,
    "x is measured from the right": np.fliplr,
    "turned by 180 degrees": lambda ids: np.rot90(ids, 2),
    "y stands before x": np.transpose,
    "turned to the left": np.rot90,
    "turned to the right": lambda ids: np.rot90(ids, -1),
    "mirrored and turned": lambda ids: np.rot90(ids, 2).T,
}


def scenes(count: int, wrong: Callable[[np.ndarray], np.ndarray] = np.copy, *, shift: int = 0) -> list[Placed]:
    """Images with three discs, and the borders of these after a change, or those of a later image."""
    greys, borders = [], []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        grey = rng.integers(90, 110, (SKETCH_PX, SKETCH_PX)).astype(np.uint8)
        drawn = np.zeros_like(grey)
        for _ in range(3):
            centre, radius = rng.integers(8, SKETCH_PX - 8, 2).tolist(), int(rng.integers(4, 9))
            cv2.circle(grey, centre, radius, 170, -1)
            cv2.circle(drawn, centre, radius, 1)
        greys.append(grey)
        borders.append(wrong(drawn) > 0)
    return [Placed.of(grey, borders[(number + shift) % count]) for number, grey in enumerate(greys)]


def test_every_reading_is_found():
    assert len(WRONG) == len(READINGS)
    for words, wrong in WRONG.items():
        (found,) = misplaced(scenes(16, wrong), "C177", "a.json")
        assert words in found.message


@pytest.mark.parametrize(
    "placed",
    [
        scenes(16),
        scenes(16, shift=1),  # labels of other images fit nowhere
        scenes(7, np.flipud),
        [Placed(one.edges, scenes(1)[0].borders) for one in scenes(16)],
        [Placed.of(np.full((SKETCH_PX, SKETCH_PX), 99, np.uint8), one.borders) for one in scenes(16)],
        [Placed(one.edges, np.zeros_like(one.borders)) for one in scenes(16)],
    ],
    ids=["as they are", "of other images", "few", "all the same", "nothing is seen", "no labels"],
)
def test_what_does_not_fit_when_turned_is_left(placed):
    assert not list(misplaced(placed, "C177", "a.json"))


def test_photographs(shared):
    dataset = scan_instances(shared("data/INST")).dataset
    grey = {one.image: cv2.cvtColor(read_image(one.image), cv2.COLOR_RGB2GRAY) for one in dataset.train}
    small = {path: cv2.resize(own, (SKETCH_PX, SKETCH_PX), interpolation=cv2.INTER_AREA) for path, own in grey.items()}
    placed = [Placed.of(small[one.image], borders_of_objects(one)) for one in dataset.train[:48]]
    assert not list(misplaced(placed, "C177", "a.json"))
    upside_down = [Placed(one.edges, one.borders[::-1]) for one in placed]
    assert "from the bottom" in next(misplaced(upside_down, "C177", "a.json")).message
