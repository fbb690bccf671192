from __future__ import annotations

import threading
import time

import pytest

from segcli.data.prefetch import batched, map_ahead, read_ahead, started


def test_order_is_kept_and_no_more_than_a_few_are_made_ahead():
    made = []

    def items():
        for number in range(50):
            made.append(number)
            yield number

    for number in read_ahead(items(), 3):
        assert made[-1] <= number + 5
    assert made == list(range(50))


def test_an_error_comes_out_where_the_items_do():
    def items():
        yield 1
        raise RuntimeError("broken")

    stream = read_ahead(items(), 2)
    assert next(stream) == 1
    with pytest.raises(RuntimeError, match="broken"):
        next(stream)


def test_leaving_early_ends_the_thread():
    before = threading.active_count()
    stream = read_ahead(iter(range(10**9)), 2)
    assert next(stream) == 0
    stream.close()
    assert threading.active_count() == before


def test_calls_in_progress_hear_that_no_more_is_wanted():
    stopped = threading.Event()
    stream = map_ahead(lambda item: item or stopped.wait(20), [1, None], workers=1, stopped=stopped)
    assert next(stream) == 1
    began = time.monotonic()
    stream.close()
    assert stopped.is_set()
    assert time.monotonic() - began < 10


def test_batches():
    assert list(batched(range(5), 2)) == [[0, 1], [2, 3], [4]]


def test_outcomes_are_in_order_and_bounded_ahead():
    taken = []

    def items():
        for number in range(40):
            taken.append(number)
            yield number

    for position, outcome in enumerate(map_ahead(lambda number: number * 2, items(), workers=3, ahead=5)):
        assert outcome == position * 2
        assert len(taken) <= position + 6
    assert len(taken) == 40


def test_an_error_comes_where_its_outcome_would():
    def half(number):
        return 1 / number

    outcomes = map_ahead(half, [1, 2, 0, 4], workers=2)
    assert [next(outcomes), next(outcomes)] == [1, 0.5]
    with pytest.raises(ZeroDivisionError):
        next(outcomes)


def test_leaving_early_does_not_begin_what_waits():
    begun = []
    started = threading.Event()

    def slow(number):
        begun.append(number)
        started.wait(0.05)
        return number

    outcomes = map_ahead(slow, range(100), workers=1, ahead=50)
    assert next(outcomes) == 0
    outcomes.close()
    assert len(begun) < 5


def test_what_is_started_is_under_way_before_it_is_used():
    taken = []
    stream = started(map_ahead(taken.append, range(4), workers=1))
    deadline = time.monotonic() + 20
    while len(taken) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert taken == [0, 1, 2, 3]
    assert list(stream) == [None] * 4
    assert list(started([])) == []


def test_items_that_are_better_computed_alone_are_computed_here_in_order():
    here, seen = threading.get_ident(), []

    def where(item):
        return item, threading.get_ident() == here

    for item, is_here in map_ahead(where, range(12), workers=2, ahead=3, alone=lambda: 3 <= len(seen) < 6):
        seen.append((item, is_here))
    assert [item for item, _ in seen] == list(range(12))
    computed_here = [item for item, is_here in seen if is_here]
    assert computed_here and len(computed_here) < 12
    assert computed_here == list(range(computed_here[0], computed_here[-1] + 1))
