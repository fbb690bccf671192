"""Several processes that measure together, imitated by threads that meet where processes would."""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from segcli import processes
from segcli.data.classes import ClassMap
from segcli.data.formats.masks import open_seg_dataset
from segcli.inference.augmented_objects import ObjectViews
from segcli.metrics import instance_measure, promptable_measure, semantic_measure
from segcli.metrics.image_facts import UNKNOWN
from segcli.metrics.promptable_scores import PromptCounts
from segcli.metrics.table import BOUNDARY_IOU
from segcli.models.spec import Preprocess
from tests.images import make_seg_dataset
from tests.metrics.instances import make_images
from tests.metrics.test_semantic_measure import by_colour

COUNT = 3


class Together:
    """Runs a function once per process; each thread is a process with a number of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._here = threading.local()
        self._values: list[Any] = [None] * COUNT
        self._meeting = threading.Barrier(COUNT, timeout=30)
        monkeypatch.setattr(processes, "_has_joined", lambda: True)
        monkeypatch.setattr(processes, "world_size", lambda: COUNT)
        monkeypatch.setattr(processes, "rank", lambda: self._here.rank)
        import paddle

        monkeypatch.setattr(paddle.distributed, "all_gather_object", self._all_gather)

    def _all_gather(self, found: list[Any], value: Any) -> None:
        self._meeting.wait()
        self._values[self._here.rank] = pickle.dumps(value)
        self._meeting.wait()
        found.extend(map(pickle.loads, self._values))

    def __call__(self, function: Callable[[], Any]) -> list[Any]:
        results: list[Any] = [None] * COUNT

        def run(rank: int) -> None:
            self._here.rank = rank
            results[rank] = function()

        threads = [threading.Thread(target=run, args=(rank,)) for rank in range(COUNT)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> Together:
    return Together(monkeypatch)


def test_a_process_that_is_alone_shares_with_nobody_and_needs_no_paddle(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "paddle.distributed", raising=False)
    assert processes.own_share([1, 2, 3]) == [1, 2, 3]
    assert processes.gathered("x") == ["x"]
    assert processes.agreed(0.5) == 0.5
    counts = PromptCounts()
    assert processes.merged(counts) is counts


def test_each_item_is_looked_at_once(together: Together):
    shares = together(lambda: processes.own_share(list(range(7))))
    assert sorted(item for share in shares for item in share) == list(range(7))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_what_the_first_decides_counts_for_all(together: Together):
    assert together(lambda: processes.agreed(processes.rank() + 0.25)) == [0.25] * COUNT


def test_label_maps_are_counted_as_by_one(tmp_path, together: Together):
    dataset = open_seg_dataset(make_seg_dataset(tmp_path / "data", train=1, val=7))
    looked: list[int] = []

    def forward(inputs: Any) -> Any:
        looked.append(len(inputs))
        return by_colour(inputs)

    def measure(metrics: Any = (BOUNDARY_IOU,)) -> Any:
        report = semantic_measure.measure(forward, dataset.val, dataset.classes, Preprocess(), metrics=metrics)
        return report.as_dict()

    with pytest.MonkeyPatch.context() as alone:
        alone.setattr(processes, "_has_joined", lambda: False)
        whole = measure()
    looked.clear()
    assert together(measure) == [whole] * COUNT
    assert sum(looked) == 7
    assert whole["images"] == 7


@pytest.mark.parametrize("images", [2, 11])
def test_objects_are_counted_as_by_one(images: int, together: Together, monkeypatch: pytest.MonkeyPatch):
    """Also where a process has no image at all."""
    samples, found = make_images(images, classes=2, objects=4, found=9, ties=True)
    prepared = SimpleNamespace
    image = np.zeros((1, 3, 1, 1), np.float32)

    def load(_: Any, one: Any) -> Any:
        whole = prepared(image=image, id=one.image_id, size=(one.height, one.width))
        return prepared(sample=one, prepared=[whole], rgb=None, look=UNKNOWN)

    monkeypatch.setattr(instance_measure.Detector, "load", load)
    classes = ClassMap(("a", "b"))

    def measure() -> Any:
        find: Any = lambda batch: [found[one.id] for one in batch]  # noqa: E731
        return instance_measure.measure(find, samples, classes, ObjectViews(Preprocess())).as_dict()

    with pytest.MonkeyPatch.context() as alone:
        alone.setattr(processes, "_has_joined", lambda: False)
        whole = measure()
    assert together(measure) == [whole] * COUNT


def test_clicks_are_counted_as_by_one(together: Together, monkeypatch: pytest.MonkeyPatch):
    samples, _ = make_images(5, classes=2, objects=3, found=1)

    def evaluate(_predictor: Any, masks: Any, _most_clicks: int) -> PromptCounts:
        counts = PromptCounts()
        counts.update("box", [mask.mean() for mask in masks])
        return counts

    monkeypatch.setattr(promptable_measure, "evaluate_image", evaluate)
    monkeypatch.setattr(promptable_measure, "read_sized", lambda _sample: None)
    predictor: Any = SimpleNamespace(set_image=lambda *_args, **_kwargs: None)

    def measure() -> Any:
        report = promptable_measure.measure_clicks(predictor, samples).as_dict()
        return {name: value for name, value in report.items() if name != "protocol"}

    with pytest.MonkeyPatch.context() as alone:
        alone.setattr(processes, "_has_joined", lambda: False)
        whole = measure()
    for report in together(measure):
        assert report == pytest.approx(whole)
