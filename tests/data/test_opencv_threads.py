"""OpenCV has no threads of its own in a block, as while a dataset is checked, and gets them back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import cv2
import pytest

from segcli.data.opencv_threads import without_opencv_threads
from segcli.steps.check import files
from segcli.steps.check.instance import examine_coco_dataset
from segcli.steps.check.semantic import examine_seg_dataset
from tests.coco_folder import make_coco_folder
from tests.seg_folder import make_seg_folder


@pytest.fixture(autouse=True)
def _three_threads() -> Iterator[None]:
    usual = cv2.getNumThreads()
    cv2.setNumThreads(3)
    yield
    cv2.setNumThreads(usual)


def test_there_are_none_inside_and_as_many_as_before_after_a_fault() -> None:
    with pytest.raises(KeyError), without_opencv_threads():
        assert cv2.getNumThreads() == 1
        raise KeyError
    assert cv2.getNumThreads() == 3


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_last_of_several_blocks_gives_them_back_whatever_their_order(order: tuple[int, int]) -> None:
    blocks = [ExitStack(), ExitStack()]
    for block in blocks:
        block.enter_context(without_opencv_threads())
    blocks[order[0]].close()
    assert cv2.getNumThreads() == 1
    blocks[order[1]].close()
    assert cv2.getNumThreads() == 3


@pytest.mark.parametrize(
    ("make", "examine"), [(make_seg_folder, examine_seg_dataset), (make_coco_folder, examine_coco_dataset)]
)
def test_a_check_decodes_without_them(
    make: Callable[[Path], object], examine: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, load = set(), files.load_file

    def loading(path: str) -> tuple[bytes, files.FileFacts]:
        seen.add(cv2.getNumThreads())
        return load(path)

    monkeypatch.setattr(files, "load_file", loading)
    make(tmp_path)
    examine(tmp_path)
    assert seen == {1}
    assert cv2.getNumThreads() == 3
