"""One image on which a model fails does not end the prediction of the others."""

from __future__ import annotations

import errno
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import segcli
from segcli.data.sources import Clip, SourceItem
from segcli.errors import FailedImageError, InputError, MissingPartError, SegcliError, UsageError, WeightsError
from segcli.inference.runtimes import paddle_runtime
from segcli.signals import Stopped
from segcli.steps.predict import attempts as module
from segcli.steps.predict.attempts import Attempts
from segcli.steps.predict.command import predict
from tests.trained_model import MODEL, make_config, trained_run

REFUSED = "kernel of 2 px\nexceeds 1 px"
EMPTY = 512
"""Sides of the image that tells whether a model works at all."""


def items(*sides: int) -> list[SourceItem]:
    return [SourceItem(f"{side}.png", None, Path(str(side)), np.zeros((side, 4, 3), np.uint8)) for side in sides]


class Model:
    """Answers the height of each image; raises an error at some."""

    def __init__(self, *failing: int, fault: Exception | None = None) -> None:
        self.failing, self.fault, self.seen = failing, fault or WeightsError(REFUSED, hint="another size"), []

    def __call__(self, batch: Sequence[SourceItem]) -> Iterator[int]:
        for item in batch:
            side, self.last = len(item.rgb), item.rgb
            self.seen.append(side)
            if side in self.failing:
                raise self.fault
            yield side


def answered(attempts: Attempts, batch: list[SourceItem]) -> list[object]:
    return [str(found) if isinstance(found, InputError) else found for found in attempts(batch)]


def test_images_of_a_failed_batch_are_tried_one_by_one(caplog: pytest.LogCaptureFixture) -> None:
    model = Model(1)
    attempts = Attempts(model)
    told = "1.png: the model fails on this image of 4 x 1 px: kernel of 2 px exceeds 1 px\n  -> another size"
    assert answered(attempts, items(5, 1, 6, 7)) == [5, told, 6, 7]
    assert model.seen == [5, 1, 1, 6, 7], "what is answered is not computed again"
    assert answered(attempts, []) == []
    assert [record.getMessage() for record in caplog.records] == [f"left out: {told}"]
    attempts.require_any()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (WeightsError(REFUSED), "kernel of 2 px"),
        (RuntimeError("file:7\nno GPU"), "works on none of 2 images, nor on an empty one: RuntimeError: file:7 no GPU"),
    ],
)
def test_model_that_fails_on_every_image_is_no_fault_of_these(fault: Exception, words: str) -> None:
    attempts = Attempts(Model(1, 2, EMPTY, fault=fault))
    assert len(answered(attempts, items(1, 2))) == 2
    with pytest.raises(SegcliError, match=words):
        attempts.require_any()


def test_images_that_suit_no_model_are_told_from_a_model_that_suits_no_image() -> None:
    model = Model(1, 2)
    attempts = Attempts(model)
    assert len(answered(attempts, items(1, 2))) == 2
    attempts.require_any()
    attempts.require_any()
    assert model.seen == [1, 1, 2, EMPTY]
    assert model.last.shape == (EMPTY, EMPTY, 3) and not model.last.any()


def test_stream_ends_on_which_the_model_always_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_IN_VAIN", 3)
    model = Model(1, EMPTY)
    attempts = Attempts(model)
    with pytest.raises(WeightsError, match="kernel"):
        for _ in range(9):
            answered(attempts, items(1))
    assert model.seen == [1, 1, 1, EMPTY]


@pytest.mark.parametrize("sides", [(2, *[1] * 9), (*[1] * 9, 2)])
def test_many_images_on_which_the_model_fails_do_not_end_the_prediction_of_others(
    monkeypatch: pytest.MonkeyPatch, sides: tuple[int, ...]
) -> None:
    monkeypatch.setattr(module, "_MOST_IN_VAIN", 3)
    model = Model(1)
    found = answered(Attempts(model), items(*sides))
    assert [side for side, one in zip(sides, found, strict=True) if isinstance(one, int)] == [2]
    assert model.seen.count(EMPTY) == (sides[0] == 1)


@pytest.mark.parametrize(
    "fault", [UsageError("no such size"), MissingPartError("no runtime"), OSError(errno.ENOSPC, "no space")], ids=type
)
def test_what_suits_no_image_is_told_at_once(fault: Exception) -> None:
    model = Model(2, fault=fault)
    with pytest.raises(type(fault)):
        answered(Attempts(model), items(1, 2, 3))
    assert model.seen == [1, 2]


def test_signal_that_a_runtime_has_made_an_error_of_its_own_ends_the_prediction() -> None:
    fault = RuntimeError("error in a callback")
    fault.__cause__ = Stopped()
    with pytest.raises(RuntimeError, match="callback"):
        answered(Attempts(Model(1, fault=fault)), items(1))


def test_model_for_which_there_is_not_enough_memory_is_told_with_the_remedy() -> None:
    attempts = Attempts(Model(1, EMPTY, fault=MemoryError()))
    (told,) = answered(attempts, items(1))
    assert told == "1.png: the model fails on this image of 4 x 1 px: there is not enough memory"
    with pytest.raises(SegcliError, match="none of 1 image, nor on an empty one: there is not enough memory") as raised:
        attempts.require_any()
    assert "lower batch_size" in str(raised.value.hint)


def test_image_that_ends_early_is_told_as_such() -> None:
    attempts = Attempts(Model(2, fault=InputError("is cut off before its end", path="2.tif (part 7)")))
    assert answered(attempts, items(2)) == ["2.tif (part 7): is cut off before its end"]
    attempts.require_any()


@pytest.mark.parametrize(("clip", "part"), [(None, "page 3"), (Clip(Path("1"), 25.0), "frame 3")])
def test_page_or_frame_is_named(clip: Clip | None, part: str) -> None:
    (item,) = items(1)
    (told,) = answered(Attempts(Model(1)), [replace(item, page_index=3, clip=clip)])
    assert f"fails on this image of 4 x 1 px ({part}): kernel" in told


class Array(np.ndarray):
    """An array to which weak references are possible."""


def test_memory_of_a_failed_batch_is_free_when_its_images_are_tried() -> None:
    alive, seen = [], []

    def run(batch: Sequence[SourceItem]) -> list[int]:
        seen.append([one() is not None for one in alive])
        inputs = np.zeros((len(batch), 1000)).view(Array)
        alive.append(weakref.ref(inputs))
        if len(batch) > 1:
            raise MemoryError
        return [len(item.rgb) for item in batch]

    assert answered(Attempts(run), items(5, 6)) == [5, 6]
    assert not any(map(any, seen))


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three images, of the second of which the runtime takes no shape."""
    run = paddle_runtime.PaddleRuntime.run

    def refusing(self, images):
        if images.shape[2:] == (32, 64):
            raise WeightsError("takes no such shape", path=self.file)
        return run(self, images)

    monkeypatch.setattr(paddle_runtime.PaddleRuntime, "run", refusing)
    files = []
    for number, size in enumerate(((40, 60), (32, 64), (40, 60))):
        files.append(str(tmp_path / f"{number}.png"))
        cv2.imwrite(files[-1], np.full((*size, 3), 90, np.uint8))
    return files


def test_command_goes_on(tmp_path: Path, images: list[str]) -> None:
    values = {"model_dir": str(trained_run() / "run/best_model/inference"), "input": images, "runtime": "paddle"}
    for batch_size in (1, 3):
        config = make_config(tmp_path / "out", Predict={**values, "batch_size": batch_size})
        result = predict(config)
        assert [Path(entry.input_path).name for entry in result.predicted] == ["0.png", "2.png"]
        (failed,) = result.failed
        assert failed.input_path == images[1]
        assert "fails on this image of 64 x 32 px: takes no such shape" in failed.message


def test_command_that_goes_on_where_it_ended_fails_on_the_same_images_alone(tmp_path: Path, images: list[str]) -> None:
    values = {"model_dir": str(trained_run() / "run/best_model/inference"), "input": images, "runtime": "paddle"}
    config = make_config(tmp_path / "out", Predict={**values, "skip_existing": True})
    for skipped in (0, 2):
        result = predict(config)
        assert (result.skipped, [failed.input_path for failed in result.failed]) == (skipped, [images[1]])


def test_python_call_goes_on(images: list[str]) -> None:
    model = segcli.create_model(MODEL, trained_run() / "run/best_model/inference", runtime="paddle")
    left_out: list[InputError] = []
    found = list(model.predict(images, left_out=left_out))
    assert [Path(result["input_path"]).name for result in found] == ["0.png", "2.png"]
    assert [fault.path for fault in left_out] == [images[1]]


def test_python_call_names_the_only_image(images: list[str]) -> None:
    model = segcli.create_model(MODEL, trained_run() / "run/best_model/inference", runtime="paddle")
    with pytest.raises(FailedImageError, match=r"1\.png: the model fails on this image of 64 x 32 px"):
        list(model.predict(images[1]))


def test_command_tells_a_model_that_fails_on_every_image(
    tmp_path: Path, images: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_runtime, _images):
        raise RuntimeError("no GPU")

    values = {"model_dir": str(trained_run() / "run/best_model/inference"), "input": images, "runtime": "paddle"}
    monkeypatch.setattr(paddle_runtime.PaddleRuntime, "run", refuse)
    with pytest.raises(SegcliError, match="works on none of 3 images, nor on an empty one: RuntimeError: no GPU"):
        predict(make_config(tmp_path / "out", Predict=values))
