"""Tiles of one image are told from images whose names only look like it, by their pixels."""

from __future__ import annotations

import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.data.samples import Split
from segcli.steps.check.tiles import tiles_in_both
from tests.rules.masks_cases import tiles
from tests.seg_folder import make_seg_folder

SIDE, LARGE = 48, 192


def cut(root: Path, step: int, name: str) -> dict[Split, list[str]]:
    """Tiles of three images, every fifth of them for val."""
    parts: dict[Split, list[str]] = {split: [] for split in Split}
    for scene in range(3):
        rgb = cv2.resize(np.random.default_rng(scene).integers(0, 255, (24, 24, 3), np.uint8), (LARGE, LARGE))
        starts = range(0, LARGE - SIDE + 1, step)
        for number, (top, left) in enumerate((top, left) for top in starts for left in starts):
            path = root / f"{name.format(scene, left, top, left // step, top // step)}.png"
            cv2.imwrite(str(path), rgb[top : top + SIDE, left : left + SIDE])
            parts[Split.TRAIN if number % 5 else Split.VAL].append(str(path))
    return parts


@pytest.mark.parametrize("step", [16, 24, 48], ids=["overlapping", "half", "beside each other"])
@pytest.mark.parametrize("name", ["scene{}_{}_{}", "scene{}_x{}_y{}", "scene{0}-r{4}_c{3}", "scene{0}_row{4}_col{3}"])
def test_tiles_in_both_splits(tmp_path, step, name):
    (found,) = tiles_in_both(cut(tmp_path, step, name), "S505", tmp_path, can_split=True)
    assert "neighbouring tiles" in found.message


def test_tiles_of_other_images_in_val(tmp_path):
    paths = [path for own in cut(tmp_path, 48, "scene{}_{}_{}").values() for path in own]
    parts = {
        Split.TRAIN: [path for path in paths if "scene2" not in path],
        Split.VAL: [path for path in paths if "scene2" in path],
    }
    assert not list(tiles_in_both(parts, "S505", tmp_path, can_split=True))


def test_dates_and_times_are_no_grid(tmp_path):
    parts = cut(tmp_path, 48, "scene{}_{}_{}")
    for number, path in enumerate([*parts[Split.TRAIN], *parts[Split.VAL]]):
        Path(path).rename(tmp_path / f"camera_2024{number:02}_{1000 + 7 * number}.png")
    paths = sorted(map(str, tmp_path.iterdir()))
    assert not list(tiles_in_both({Split.TRAIN: paths[::2], Split.VAL: paths[1::2]}, "S505", tmp_path, can_split=True))


def test_frames_of_other_videos_in_val(tmp_path):
    parts: dict[Split, list[str]] = {split: [] for split in Split}
    for video in range(3):
        rgb = cv2.resize(np.random.default_rng(video).integers(0, 255, (6, 24, 3), np.uint8), (LARGE, SIDE))
        for number in range(12):
            path = tmp_path / f"video_{video}_{number:04}.png"
            cv2.imwrite(str(path), rgb[:, 4 * number : 4 * number + SIDE])
            parts[Split.VAL if video == 2 else Split.TRAIN].append(str(path))
    assert not list(tiles_in_both(parts, "S505", tmp_path, can_split=True))


def test_the_command_of_the_hint_ends_it(tmp_path):
    folder = make_seg_folder(tmp_path / "data")
    tiles("s{}_{}_{}")(folder)
    output = ["--output", str(tmp_path / "out")]
    shown = CliRunner().invoke(main, ["check", str(folder.root), "--json", *output]).output
    hint = shown[shown.index("segcli split") : shown.index(" keeps the tiles")].encode().decode("unicode_escape")
    done = CliRunner().invoke(main, [*shlex.split(hint)[1:], *output])
    assert done.exit_code == 0, done.output
    assert "S505" not in CliRunner().invoke(main, ["check", str(folder.root), *output]).output
