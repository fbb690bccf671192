"""An error of a network names the image on which it fails."""

from __future__ import annotations

import errno
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from segcli.errors import DatasetError, FailedImageError, InputError, UsageError, WeightsError
from segcli.failure_report import failure_of
from segcli.inference.failed_image import answered
from segcli.signals import Stopped


class Network:
    """Doubles numbers, but not some, nor more than a few at once."""

    def __init__(self, fault: Exception, *failing: int, most: int = 9) -> None:
        self.fault, self.failing, self.most, self.seen = fault, failing, most, []

    def __call__(self, batch: Sequence[int]) -> list[int]:
        self.seen.append(list(batch))
        if len(batch) > self.most or set(batch) & set(self.failing):
            raise self.fault
        return [2 * number for number in batch]


def run(network: Network, *batch: int) -> list[int]:
    return list(answered(network, batch, lambda number: (Path(f"{number}.png"), (number, 7))))


@pytest.mark.parametrize(
    ("fault", "words", "remedy", "traced"),
    [
        (
            WeightsError("takes\nno such shape", path="model.onnx", hint="another size"),
            "takes no such shape",
            "another size; or leave it out",
            False,
        ),
        (RuntimeError("no such kernel"), "RuntimeError: no such kernel", "leave it out", True),
        (MemoryError(), "there is not enough memory", "leave it out", True),
    ],
)
def test_image_of_a_batch_is_named_with_a_remedy(fault: Exception, words: str, remedy: str, *, traced: bool) -> None:
    network = Network(fault, 3)
    with pytest.raises(FailedImageError) as raised:
        run(network, 2, 3, 4)
    remedy = f"{remedy} of the validation split"
    assert str(raised.value) == f"3.png: the model fails on this image of 7 x 3 px: {words}\n  -> {remedy}"
    assert raised.value.__cause__ is fault
    assert network.seen == [[2, 3, 4], [2], [3]]
    assert failure_of(raised.value).traced == traced


def test_batch_that_needs_too_much_memory_is_computed_one_by_one(caplog: pytest.LogCaptureFixture) -> None:
    network = Network(MemoryError(), most=1)
    with caplog.at_level(logging.INFO, "segcli"):
        assert run(network, 2, 3) == [4, 6]
    assert network.seen == [[2, 3], [2], [3]]
    told = "a batch of 2 images fails, and is computed one by one: there is not enough memory"
    assert [record.getMessage() for record in caplog.records] == [told]


def stopped() -> RuntimeError:
    fault = RuntimeError("in a callback")
    fault.__cause__ = Stopped()
    return fault


@pytest.mark.parametrize(
    "fault",
    [
        UsageError("no such size"),
        DatasetError("unknown id", path="3.png"),
        InputError("is cut off", path="labels/3.png"),
        OSError(errno.ENOSPC, "no space"),
        stopped(),
    ],
    ids=lambda fault: type(fault).__name__,
)
@pytest.mark.parametrize("batch", [(3,), (2, 3)])
def test_what_is_no_failure_on_an_image_stays_as_it_is(fault: Exception, batch: tuple[int, ...]) -> None:
    with pytest.raises(type(fault)) as raised:
        run(Network(fault, 3), *batch)
    assert raised.value is fault
