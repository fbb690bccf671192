"""Images that no list names are told, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from segcli.steps.check.semantic import examine_seg_dataset
from tests.seg_folder import SegFolder, make_seg_folder


@pytest.fixture
def folder(tmp_path: Path) -> SegFolder:
    return make_seg_folder(tmp_path / "data")


def left_out(folder: SegFolder) -> list[str]:
    return [fault.message for fault in examine_seg_dataset(folder.root).findings if fault.code == "S006"]


@pytest.mark.parametrize("images", ["images/../images", "linked"])
def test_a_folder_that_a_list_spells_in_two_ways_is_one(folder: SegFolder, images: str) -> None:
    (folder.root / "linked").symlink_to(folder.root / "images", target_is_directory=True)
    lines = (folder.root / "train.txt").read_text().splitlines()
    lines[1] = lines[1].replace("images", images, 1)
    (folder.root / "train.txt").write_text("\n".join(lines))
    assert left_out(folder) == []

    folder.write_sample("z", seed=9)
    assert left_out(folder) == ["1 image is in no list: images/z.jpg"]


def test_a_folder_of_masks_is_passed_over_however_it_is_spelled(folder: SegFolder) -> None:
    lines = (folder.root / "train.txt").read_text().splitlines()
    image, mask = lines[0].split()
    (folder.root / mask).rename(folder.root / "images" / "mask.png")
    lines[0] = f"{image} images/../images/mask.png"
    (folder.root / "train.txt").write_text("\n".join(lines))
    folder.write_sample("z", seed=9)
    assert left_out(folder) == []
