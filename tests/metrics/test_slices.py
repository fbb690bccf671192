from __future__ import annotations

import numpy as np
import pytest

from segcli.metrics.slices import sliced


def test_images_are_divided_by_numbers_and_texts():
    rng = np.random.default_rng(0)
    table = [
        {"score": n / 40 if n else None, "size": n, "dark": rng.random(), "folder": "ab"[n % 2], "same": 1}
        for n in range(40)
    ]
    size, dark, folder = sliced(table, "score", ("size", "dark", "folder", "same", "absent"))
    assert size.correlation == pytest.approx(1)
    assert abs(dark.correlation) < 0.5
    assert sum(one.images for one in size.slices) == 39, "an image without a score is in no slice"
    assert size.slices[0].name == "1 to 10"
    assert [round(one.mean, 2) for one in size.slices] == sorted(round(one.mean, 2) for one in size.slices)
    assert {one.name: one.images for one in folder.slices} == {"a": 19, "b": 20}
    assert folder.correlation is None


def test_the_means_are_those_of_the_images():
    table = [{"score": 0.5, "objects": 1}, {"score": 1.0, "objects": 1}, {"score": 0.0, "objects": 7}]
    (objects,) = sliced(table, "score", ("objects",))
    assert [(one.images, one.mean) for one in objects.slices] == [(2, 0.75), (1, 0.0)]
    assert [one.name for one in objects.slices] == ["1", "7"], "few values are no ranges"
    assert not sliced([], "score", ("objects",))


def test_the_correlation_is_spearmans():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    for size in range(3, 203):
        numbers, scores = rng.integers(0, 1 + size // 3 + 1, size).astype(float), rng.random(size).round(2)
        table = [{"score": score, "n": number} for score, number in zip(scores, numbers, strict=True)]
        for column in sliced(table, "score", ("n",)):
            assert column.correlation == pytest.approx(stats.spearmanr(numbers, scores).statistic, abs=1e-12)
