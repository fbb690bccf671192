"""How many images are passed to a thread at once; a check that is broken off ends with those in work."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, repeat

import pytest

from segcli.data.samples import SegSample, Split
from segcli.steps.check.looks import _BRIEF_PX, LookPlan, _ChunkSize, looks

SECOND_CHUNK = 64


@dataclass
class SlowLook:
    """Holds the second chunk at its first sample until the check is given up."""

    given_up: threading.Event
    seen: list[str] = field(default_factory=list)

    def files(self, sample):
        return sample.image_file, sample.mask_file

    def headers(self, sample, split):
        raise AssertionError

    def decoded(self, samples):
        for sample, _ in samples:
            self.seen.append(sample.image.name)
            if len(self.seen) > SECOND_CHUNK:
                self.given_up.wait(20)
            yield sample

    def completed(self, facts):
        return list(facts)

    def pixels(self, facts):
        return 0

    def sizes(self, facts):
        return (0,)

    def read(self, sample, split, plain):
        raise AssertionError

    def write(self, facts):
        return None


def samples_of(count):
    return [SegSample(f"{number}.png", f"{number}m.png", number) for number in range(count)]


def test_a_check_that_is_broken_off_looks_at_no_further_image(monkeypatch):
    monkeypatch.setattr("segcli.steps.check.looks._BRIEF_PX", 0)  # in threads, though they have no pixels
    samples, workers = samples_of(2048), 2
    look = SlowLook(threading.Event())
    found = looks(LookPlan.of({Split.TRAIN: samples}, None), look, None, "semantic", workers)
    assert next(found) is samples[0]
    while len(look.seen) <= SECOND_CHUNK:
        pass
    threading.Timer(0.5, look.given_up.set).start()
    found.close()
    assert len(look.seen) <= SECOND_CHUNK + workers


class TimedLook(SlowLook):
    """Takes so many seconds per sample on a clock of its own, and notes how many samples are completed together."""

    def __init__(self, seconds):
        super().__init__(threading.Event())
        self.seconds, self.clock, self.chunks = iter(seconds), 0.0, []

    def decoded(self, samples):
        for sample, _ in samples:
            self.clock += next(self.seconds)
            yield sample

    def completed(self, facts):
        self.chunks.append(len(facts))
        return super().completed(facts)


@pytest.mark.parametrize(
    ("count", "seconds", "chunks"),
    [
        (20_000, repeat(1e-5), [32, 64, 128, 256, 256]),
        (4000, repeat(1.0), [32, 16, 8, 4, 2, 1, 1]),
        (4000, chain(repeat(1e-5, 96), repeat(2e-3, 128), repeat(1e-3)), [32, 64, 128, 64, 64]),
        (100, repeat(1e-5), [6, 6, 6]),
        (4000, repeat(1e-5), [32, 64, 128, 250, 250]),
    ],
    ids=["small images", "large images", "some that are larger", "a small dataset", "a sixteenth at most"],
)
def test_small_images_are_looked_at_many_at_once_and_large_ones_few(monkeypatch, count, seconds, chunks):
    look, samples = TimedLook(seconds), samples_of(count)
    monkeypatch.setattr("segcli.steps.check.looks.perf_counter", lambda: look.clock)
    assert list(looks(LookPlan.of({Split.TRAIN: samples}, None), look, None, "semantic", 1)) == samples
    assert look.chunks[: len(chunks)] == chunks
    assert sum(look.chunks) == count


def test_several_threads_end_with_single_images_so_that_none_waits_for_another():
    look, samples = TimedLook(repeat(0.0)), samples_of(400)
    assert list(looks(LookPlan.of({Split.TRAIN: samples}, None), look, None, "semantic", 2)) == samples
    assert max(look.chunks) == 12
    assert look.chunks[-4:] == [1] * 4


def test_samples_of_few_pixels_are_looked_at_in_one_thread() -> None:
    size = _ChunkSize(samples=10_000, workers=2)
    assert not size.is_brief
    for pixels, is_brief in ((100 * _BRIEF_PX - 1, True), (100 * _BRIEF_PX, False), (0, True)):
        size.note(100, pixels, seconds=0.01, cpu_seconds=0.005)
        assert size.is_brief == is_brief


def test_samples_that_wait_for_a_slow_disk_are_looked_at_in_several_threads() -> None:
    size = _ChunkSize(samples=10_000, workers=2)
    with ThreadPoolExecutor(1) as pool:  # which waits for turns, not for a disk
        pool.submit(size.note, 100, 0, seconds=1.0, cpu_seconds=0.01).result()
    assert size.is_brief
    size.note(100, 0, seconds=1.0, cpu_seconds=0.01)
    assert not size.is_brief
    with ThreadPoolExecutor(1) as pool:
        pool.submit(size.note, 100, 0, seconds=1.0, cpu_seconds=0.01).result()
    assert not size.is_brief
