"""What people look at: points that are seen, names that are told apart, legends that fit, colours that differ."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from segcli.data import rle
from segcli.data.classes import ClassMap
from segcli.data.palette import object_palette, palette
from segcli.data.traced_mask import TracedMask
from segcli.report import objects
from segcli.report.confusion import draw_confusion, tick_names
from segcli.report.curves import draw_curves
from segcli.report.objects import DrawnObject, draw_objects
from segcli.report.overlay import legend, with_legend

MANY = ClassMap(tuple(f"a rather long class name with number {number}" for number in range(40)))
BLUE, GRAY = (0x1F, 0x77, 0xB4), (0x7F, 0x7F, 0x7F)


def pixels(path: Path, colour: tuple[int, int, int]) -> int:
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    return int((image == colour).all(axis=2).sum())


@pytest.mark.parametrize("count", [1, 2])
def test_curves_of_few_points_are_seen(count: int, tmp_path: Path):
    events = [{"event": "train", "iteration": number, "loss": 2.0, "lr": 0.001} for number in range(1, count + 1)]
    draw_curves(events, tmp_path / "curves.png", "mIoU")
    assert pixels(tmp_path / "curves.png", BLUE) > 10 and pixels(tmp_path / "curves.png", GRAY) > 10


def test_curves_without_any_point_are_drawn(tmp_path: Path):
    draw_curves([], tmp_path / "curves.png", "mIoU")
    assert (tmp_path / "curves.png").is_file()


def test_names_of_many_classes_keep_their_ids_and_differ(tmp_path: Path):
    names = tick_names(list(MANY.names))
    assert [int(name.split()[0]) for name in names] == list(range(40))
    assert len({name.partition(" ")[2] for name in names}) == 40
    assert tick_names(["road", "car"]) == ["road", "car"]
    draw_confusion(np.eye(40, dtype=np.int64), MANY, tmp_path / "confusion.png")
    height, width = cv2.imread(str(tmp_path / "confusion.png")).shape[:2]
    assert max(height, width) < 2000


@pytest.mark.parametrize(("width", "height"), [(64, 64), (200, 100), (256, 256), (1200, 800), (300, 2000)])
def test_a_legend_is_never_larger_than_its_image(width: int, height: int):
    image = np.zeros((height, width, 3), np.uint8)
    drawn = with_legend(image, MANY, range(40))
    assert drawn.shape[0] <= 2 * height
    assert drawn.shape[1] == max(width, 96)


def test_what_a_legend_leaves_out_is_counted(monkeypatch: pytest.MonkeyPatch):
    from segcli.report import overlay

    written: list[str] = []
    fitted = overlay._fitted

    def noting(entry, size: int, room: int):
        item = fitted(entry, size, room)
        written.append(item.text)
        return item

    monkeypatch.setattr(overlay, "_fitted", noting)
    with_legend(np.zeros((100, 200, 3), np.uint8), MANY, range(40))
    more = written[-1]
    assert more.startswith("+") and more.endswith(" more")
    assert all(len(text) < len(MANY.names[0]) for text in written[:40])
    written.clear()
    assert legend(MANY, range(40), 200).shape[0] > 100  # alone, it names all
    assert len(written) == 40


def test_names_in_a_drawing_never_hide_each_other(monkeypatch: pytest.MonkeyPatch):
    tags: list[tuple[float, float, float, float]] = []
    free = objects._free_place

    def noting(box, tag, shape, taken):
        tags[:] = taken
        return free(box, tag, shape, taken)

    monkeypatch.setattr(objects, "_free_place", noting)
    random = np.random.default_rng(0)
    drawn = []
    for number in range(300):
        x, y, width, height = (int(value) for value in random.integers((0, 0, 20, 20), (560, 560, 80, 80)))
        mask = np.zeros((640, 640), np.uint8)
        mask[y : y + height, x : x + width] = 1
        drawn.append(
            DrawnObject(TracedMask(rle.encode(mask)), (x, y, x + width, y + height), number % 40, f"c {number}")
        )
    draw_objects(np.zeros((640, 640, 3), np.uint8), drawn, MANY)
    assert 20 < len(tags) <= objects.MOST_NAMED
    assert not any(objects._touch(a, b) for number, a in enumerate(tags) for b in tags[:number])


@pytest.mark.parametrize(("count", "apart"), [(16, 20), (40, 20), (150, 12), (256, 10)])
def test_colours_are_told_apart(count: int, apart: float):
    """Distances in CIELAB; neighbours in the list of classes are farther apart than any two."""
    colours = cv2.cvtColor(palette(count)[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    distances = np.linalg.norm(colours[:, None] - colours[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert distances.min() > apart
    assert np.linalg.norm(colours[1:] - colours[:-1], axis=1).min() > 20


def test_colours_of_very_many_classes_come_again():
    assert object_palette(1203).shape == (1203, 3)
