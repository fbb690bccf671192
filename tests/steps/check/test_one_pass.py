"""What the check measures in one pass is what a plain way would find."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from segcli.data.fingerprint.images import colours_of, colours_of_each
from segcli.data.fingerprint.labels import shape_of_mask
from segcli.data.fingerprint.parts import connected_parts
from segcli.data.id_counts import count_ids, present_ids
from segcli.data.instances import InstanceObject, InstanceSample
from segcli.data.samples import Split
from segcli.data.similarity import grey_of
from segcli.data.stacks import MOST_STACKED, stacks
from segcli.steps.check import inspection, semantic
from segcli.steps.check.files import BLANK_LEVELS, SKETCH_PX, inspect_image_file, measure
from segcli.steps.check.inspection import FEW_IDS, edge_only
from segcli.steps.check.object_rules import object_faults
from segcli.steps.check.objects_view import ObjectsView
from segcli.steps.check.semantic import examine_seg_dataset
from segcli.steps.check.settings import PassSettings
from tests.seg_folder import SegFolder, make_seg_folder


def masks() -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    for height, width in ((1, 1), (1, 90), (90, 1), (3, 3), (40, 33), (120, 200)):
        for ids in (2, 6, 256):
            for block in (1, 2, 5):
                coarse = rng.integers(0, ids, (-(-height // block), -(-width // block)), np.uint8)
                yield cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
    spiral = np.zeros((61, 61), np.uint8)
    for turn in range(0, 30, 2):
        cv2.rectangle(spiral, (turn, turn), (60 - turn, 60 - turn), 1)
        spiral[turn + 1, turn] = 0
    yield spiral


def test_parts_of_all_classes_are_those_of_each_class_alone() -> None:
    for mask in masks():
        ids, areas = connected_parts(mask)
        for id_ in np.unique(mask):
            _, _, stats, _ = cv2.connectedComponentsWithStats((mask == id_).astype(np.uint8), connectivity=8)
            assert sorted(areas[ids == id_]) == sorted(stats[1:, cv2.CC_STAT_AREA])
    assert not len(connected_parts(np.zeros((0, 5), np.uint8))[0])


@pytest.mark.parametrize("size", [(40, 33), (512, 700), (721, 1283), (1025, 2050)])
def test_a_sketch_is_the_averaged_image_and_changes_nothing_else(size: tuple[int, int], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    coarse = cv2.resize(rng.integers(0, 200, (9, 12, 3), np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)
    bgr = cv2.add(coarse, rng.integers(0, 40, coarse.shape, np.uint8))
    cv2.imwrite(str(tmp_path / "a.png"), bgr)
    sketched, plain = (inspect_image_file(str(tmp_path / "a.png"), sketched=wanted) for wanted in (True, False))
    measure([plain])
    assert (sketched.signature, sketched.colours) == (plain.signature, plain.colours)
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    averaged = cv2.resize(grey, (SKETCH_PX, SKETCH_PX), interpolation=cv2.INTER_AREA)
    assert sketched.sketch is not None
    assert np.abs(sketched.sketch.astype(int) - averaged).mean() < 1


@pytest.mark.parametrize("spread", [0, BLANK_LEVELS, BLANK_LEVELS + 1])
def test_an_image_is_blank_when_each_channel_has_nearly_one_value(spread: int, tmp_path: Path) -> None:
    bgr = np.full((700, 900, 3), (10, 90, 200), np.uint8)
    bgr[650, 3, 1] += spread
    cv2.imwrite(str(tmp_path / "a.png"), bgr)
    facts = inspect_image_file(str(tmp_path / "a.png"))
    assert facts.signature is None and facts.is_blank == (spread <= BLANK_LEVELS)


@pytest.mark.parametrize("size", [(1, 1), (33, 70), (721, 1283)])
def test_grey_is_that_of_opencv(size: tuple[int, int]) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    expected = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    np.testing.assert_array_equal(grey_of(rgb), expected)
    np.testing.assert_array_equal(grey_of(rgb[:, ::-1]), expected[:, ::-1])
    assert grey_of(expected) is expected


def test_ids_on_edges_are_those_without_an_inner_pixel() -> None:
    kernel, compared = np.ones((3, 3), np.uint8), 0
    for mask in masks():
        counts = count_ids(mask)
        found = edge_only(mask, present_ids(counts)[0])
        if found is None:
            assert np.count_nonzero(counts[:255]) < FEW_IDS
            continue
        inner = np.unique(mask[cv2.erode(mask, kernel) == cv2.dilate(mask, kernel)])
        assert set(np.flatnonzero(found)) == set(np.unique(mask)) - set(inner)
        compared += 1
    assert compared > 20


def test_halves_add_up_to_the_counts() -> None:
    for mask in masks():
        np.testing.assert_array_equal(shape_of_mask(mask).halves.sum(axis=0), count_ids(mask))


def test_colours_from_some_pixels_are_those_of_all() -> None:
    rng = np.random.default_rng(1)
    soft = cv2.resize(rng.integers(0, 255, (9, 13, 3), np.uint8), (997, 541), interpolation=cv2.INTER_CUBIC)
    found = colours_of(soft)
    assert found.mean == pytest.approx(soft.mean(axis=(0, 1)), abs=1)
    assert found.std == pytest.approx(soft.std(axis=(0, 1)), abs=1)
    assert colours_of(np.dstack([soft, soft, soft])) == found, "of more bands the first three"


def test_colours_of_several_images_are_those_of_each() -> None:
    rng = np.random.default_rng(0)
    sizes = [(16, 16)] * 5 + [(7, 24)] * 3 + [(60, 9), (16, 16), (1, 1), (40, 40), (24, 24), (16, 16)]
    images = [rng.integers(0, high, (*size, 3), np.uint8) for size in sizes for high in (2, 256)]
    images += [np.full((16, 16, 3), 255, np.uint8)]
    images += list(rng.integers(0, 256, (2 * MOST_STACKED + 1, 24, 24, 3), np.uint8))
    assert colours_of_each(stacks(images)) == [colours_of(image) for image in images]
    assert colours_of_each(stacks([])) == []


def write_odd_files(folder: SegFolder) -> None:
    """Makes files of a dataset odd or damaged, in both splits."""
    for name, copy in (("a1", "a2"), ("a3", "a21"), ("a22", "a23")):
        folder.image(copy).write_bytes(folder.image(name).read_bytes())
    whole = folder.image("a4").read_bytes()
    folder.image("a4").write_bytes(whole[: len(whole) // 2])
    folder.mask("a24").write_bytes(b"no image")
    grey = cv2.imread(str(folder.image("a5")), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(folder.image("a5")), grey)
    cv2.imwrite(str(folder.image("a25")), np.full((48, 64, 3), 90, np.uint8))
    ids = cv2.imread(str(folder.mask("a6")), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(folder.mask("a6")), ids[1:])
    cv2.imwrite(str(folder.mask("a7")), np.dstack([ids] * 3))
    cv2.imwrite(str(folder.mask("a26")), np.full_like(ids, 255))
    cv2.imwrite(str(folder.mask("a27")), ids + 7)
    for number, name in enumerate(("a8", "a9", "a28")):
        image = Image.fromarray(ids % 3)
        image.putpalette(
            [0, 0, 0, *[(90, 10, 20), (10, 90, 20)][number % 2], *[(10, 90, 20), (90, 10, 20)][number % 2]]
        )
        image.save(folder.mask(name))
    folder.write_list("train", [*(f"a{number}" for number in range(20)), "a0", "a5"])


@pytest.mark.parametrize("at_once", [1, 3])
def test_samples_gone_through_together_tell_what_each_tells(
    at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_seg_folder(tmp_path / "data", train=20, val=12)
    write_odd_files(folder)
    together = examine_seg_dataset(folder.root, settings=PassSettings(workers=1, draw=5))
    codes = {found.code for found in together.findings}
    assert codes >= {"S104", "S204", "S205", "S207", "S209", "S219", "S301", "S304", "S306", "S407", "S501", "S502"}
    monkeypatch.setattr(semantic, "_AT_ONCE", at_once)
    monkeypatch.setattr(inspection, "_READ_BYTES", at_once)

    apart = examine_seg_dataset(folder.root, settings=PassSettings(workers=1, draw=5))

    assert apart.findings == together.findings
    assert (apart.drawable, apart.training, apart.sizes) == (together.drawable, together.training, together.sizes)
    for split in Split:
        np.testing.assert_array_equal(apart.tally.pixels[split], together.tally.pixels[split])
        np.testing.assert_array_equal(apart.tally.images[split], together.tally.images[split])
        assert apart.numbers[split].as_dict() == together.numbers[split].as_dict()


SMALL_IMAGES = """
import os
import numpy as np
from segcli.steps.check.files import FileFacts, measure

def threads():
    return len(os.listdir("/proc/self/task"))

rng, before = np.random.default_rng(0), threads()
for side in (16, 24, 32):
    measure([FileFacts("", None, pixels=rng.integers(0, 256, (side, side, 3), np.uint8)) for _ in range(256)])
assert threads() == before, f"{threads() - before} more threads"
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux tells of the threads of a process so")
def test_small_images_are_measured_without_threads_of_opencv() -> None:
    done = subprocess.run([sys.executable, "-c", SMALL_IMAGES], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_same_outlines_are_found_among_same_boxes() -> None:
    sample = InstanceSample(Path("a.png"), 1, 100, 100)
    square, turned = [10, 10, 30, 10, 30, 30, 10, 30], [20, 10, 30, 20, 20, 30, 10, 20]
    outlines = [square, turned, [30, 10, 30, 30, 10, 30, 10, 10], [value + 0.01 for value in square], turned]
    objects = tuple(
        InstanceObject(number, 0, (10, 10, 20, 20), 400, (tuple(map(float, ring)),))
        for number, ring in enumerate(outlines)
    )
    (view,) = ObjectsView.of_each([replace(sample, objects=objects)])
    faults = object_faults(view)
    assert [(value.annotation_id, message) for code, value, message in faults if code == "C120"] == [
        (2, "and 1 more annotation: each has the same outline as annotation 0"),
        (4, "has the same outline as annotation 1"),
    ]
