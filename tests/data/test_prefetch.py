from __future__ import annotations

import threading

import pytest

from segcli.data.prefetch import ahead, batched


def test_order_is_kept_and_no_more_than_a_few_are_made_ahead():
    made = []

    def items():
        for number in range(50):
            made.append(number)
            yield number

    for number in ahead(items(), 3):
        assert made[-1] <= number + 5
    assert made == list(range(50))


def test_an_error_comes_out_where_the_items_do():
    def items():
        yield 1
        raise RuntimeError("broken")

    stream = ahead(items(), 2)
    assert next(stream) == 1
    with pytest.raises(RuntimeError, match="broken"):
        next(stream)


def test_leaving_early_ends_the_thread():
    before = threading.active_count()
    stream = ahead(iter(range(10**9)), 2)
    assert next(stream) == 0
    stream.close()
    assert threading.active_count() == before


def test_batches():
    assert list(batched(range(5), 2)) == [[0, 1], [2, 3], [4]]
