"""Augmentation: an image and its labels are moved together, and what comes depends on the position alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from segcli.data.augment.augmenter import Augmentation, Augmenter
from segcli.data.augment.changes import covering, elastic_maps, mosaic_cells, recoloured, zoomed
from segcli.data.augment.scene import Cell, LabelScene, ObjectScene
from segcli.data.sampling import SampleOrder

COLOURS = np.array([[20, 20, 20], [200, 40, 40], [40, 40, 200]], np.uint8)
RANDOM = np.random.default_rng(0)


def labelled(seed: int, height: int = 60, width: int = 80) -> LabelScene:
    mask = np.zeros((height, width), np.uint8)
    x, y = np.random.default_rng(seed).integers(5, 30, 2)
    mask[y : y + 20, x : x + 25] = 1 + seed % 2
    return LabelScene(COLOURS[mask], mask, 255)


def objects(seed: int) -> ObjectScene:
    scene = labelled(seed)
    return ObjectScene(scene.rgb, (scene.mask > 0).astype(np.uint8)[None], np.array([seed % 2], np.int32))


def agreement(scene: LabelScene) -> float:
    """Share of the labelled pixels whose colour is that of their label, the rims left out."""
    inner = cv2.erode((scene.mask != 255).astype(np.uint8), np.ones((3, 3))) > 0
    for label in range(3):
        inner &= ~((cv2.dilate((scene.mask == label).astype(np.uint8), np.ones((5, 5))) > 0) & (scene.mask != label))
    wanted = COLOURS[np.where(scene.mask == 255, 0, scene.mask)]
    near = np.abs(scene.rgb.astype(int) - wanted).max(axis=2) < 40
    return float(near[inner].mean())


@pytest.mark.parametrize("seed", range(6))
def test_labels_stay_on_their_colours(seed):
    scene, random = labelled(seed), np.random.default_rng(seed)
    zoom = scene.moved(zoomed(random, 60, 80, (0.5, 2.0), mirrors=True), 60, 80)
    bent = scene.bent(*elastic_maps(random, 60, 80))
    for changed in (zoom, bent):
        assert changed.mask.shape == (60, 80)
        assert agreement(changed) > 0.97
    assert not np.array_equal(bent.mask, scene.mask)


@pytest.mark.parametrize("make", [labelled, objects])
def test_turned_images_take_their_labels_along(make):
    scene = make(1)
    left, right = scene.turned(1), scene.turned(3)
    assert left.rgb.shape == right.rgb.shape == (80, 60, 3)
    assert np.array_equal(left.rgb[::-1, ::-1], right.rgb)
    for name in ("rgb", "mask", "masks"):
        if hasattr(scene, name):
            assert np.array_equal(getattr(left.turned(3), name), getattr(scene, name))
    if isinstance(left, LabelScene):
        assert agreement(left) > 0.97
    else:
        assert np.array_equal(left.masks[0] > 0, (left.rgb != COLOURS[0]).any(axis=2))


def test_a_mosaic_is_covered_by_four_parts():
    for _ in range(20):
        cells = mosaic_cells(RANDOM, 61, 83)
        hits = np.zeros((61, 83), int)
        for cell in cells:
            hits[cell.slices] += 1
        assert (hits == 1).all()
    cell = Cell(0, 0, 40, 70)
    for _ in range(20):
        part = labelled(1).moved(covering(RANDOM, 60, 80, cell, (0.6, 1.0)), 40, 70)
        assert (part.mask != 255)[1:-1, 1:-1].all()


def test_pasted_objects_cover_what_is_below():
    below, above = objects(1), objects(2)
    pasted = below.pasted(above)
    assert pasted.masks.sum(axis=0).max() == 1
    assert np.array_equal(pasted.masks[-1], above.masks[0])
    inner = cv2.erode(above.masks[0], np.ones((5, 5))) > 0
    assert np.array_equal(pasted.rgb[inner], above.rgb[inner])
    assert pasted.classes.tolist()[-1] == 0
    whole = ObjectScene(below.rgb, below.masks, np.array([1], np.int32))
    assert whole.pasted(whole).classes.tolist() == [1], "an object that is covered wholly is gone"


def test_objects_that_leave_the_image_are_left_out():
    away = np.array([[1.0, 0, 500], [0, 1, 0]])
    assert len(objects(0).moved(away, 60, 80).masks) == 0


@pytest.mark.parametrize("make", [labelled, objects])
def test_a_scene_depends_on_its_draw_alone(make):
    settings = Augmentation(
        mosaic=0.5, copy_paste=0.5, scale_jitter=(0.7, 1.4), elastic=0.5, photometric=0.8, close_share=0.25
    )
    order = SampleOrder(6, 2, seed=3)
    first, second = (Augmenter(settings, order, make, 100) for _ in range(2))
    backwards = {position: second(position).rgb for position in range(39, -1, -1)}
    for position in range(40):
        assert np.array_equal(first(position).rgb, backwards[position])
    assert any(not np.array_equal(first(position).rgb, first(position + 6).rgb) for position in range(5))


def test_mosaic_and_paste_end_before_the_training_does():
    asked: list[int] = []

    def load(number):
        asked.append(number)
        return objects(number)

    augment = Augmenter(Augmentation(mosaic=1.0, copy_paste=1.0, close_share=0.2), SampleOrder(6, 2), load, 10)
    counts = []
    for position in range(20):
        asked.clear()
        augment(position)
        counts.append(len(asked))
    assert counts == [5] * 16 + [1] * 4


def test_colours_change_with_the_strength():
    rgb = np.full((8, 8, 3), 120, np.uint8)
    small, large = (
        np.mean([np.abs(recoloured(np.random.default_rng(n), rgb, s).astype(int) - 120).mean() for n in range(50)])
        for s in (0.1, 1.0)
    )
    assert 0 < small < 8 < large
