from __future__ import annotations

from collections.abc import Iterator

import cv2
import pytest

from segcli.data.opencv_threads import one_opencv_thread
from segcli.data.samples import SegSample, Split
from segcli.steps.check.looks import LookPlan, looks
from tests.steps.check.test_looks import TimedLook


@pytest.fixture(autouse=True)
def three() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    yield
    cv2.setNumThreads(before)


def test_opencv_has_its_threads_again_after_the_last_of_several_blocks() -> None:
    first, second = one_opencv_thread(), one_opencv_thread()
    with first:
        second.__enter__()
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == 1
    second.__exit__(None, None, None)
    assert cv2.getNumThreads() == 3


def test_opencv_has_its_threads_again_after_an_error() -> None:
    with pytest.raises(ValueError), one_opencv_thread():
        raise ValueError
    assert cv2.getNumThreads() == 3


def test_images_of_a_check_are_handled_by_one_thread_each() -> None:
    look, samples, seen = TimedLook([0.0] * 40), [SegSample("a.png", "b.png", 1)] * 40, []
    for _ in looks(LookPlan.of({Split.TRAIN: samples}, None), look, None, "semantic", 1):
        seen.append(cv2.getNumThreads())
    assert set(seen) == {1} and cv2.getNumThreads() == 3
