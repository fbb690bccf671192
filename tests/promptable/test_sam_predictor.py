from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segcli.errors import UsageError
from segcli.inference.square_input import SquareInput
from segcli.models.promptable.sam.sam import SamConfig, build_sam
from segcli.models.promptable.specs import PROMPTABLE
from segcli.promptable.backends import PaddleSam
from segcli.promptable.cache import EmbeddingCache
from segcli.promptable.predictor import SamPredictor
from segcli.promptable.prompts import ObjectPrompt, Point
from tests.models.promptable.golden_weights import detweights, fill, golden_arrays, read_json

Shared = Callable[[str], Path]
INPUT = replace(SquareInput.of(PROMPTABLE["SAM-tiny"]), side=256)


class CountingBackend(PaddleSam):
    encoded = 0

    def encode(self, image: Any) -> Any:
        self.encoded += 1
        return super().encode(image)


@pytest.fixture(scope="module")
def golden(shared: Shared) -> Iterator[tuple[CountingBackend, Any, Any]]:
    sam = build_sam(SamConfig(64, 2, 4, (1,), image_size=256, prompt_dim=32, mlp_dim=64, iou_hidden=32))
    fill(sam, golden_arrays(shared, read_json(shared("refs/sam_state_dict.json"))["tiny"]))
    with np.load(shared("refs/sam_tiny_ref.npz")) as reference:
        yield CountingBackend(sam), dict(reference), detweights(shared).det_image(180, 240)


def clicks(points: Any, labels: Any) -> tuple[Point, ...]:
    return tuple(Point(float(x), float(y), int(label)) for (x, y), label in zip(points, labels, strict=True))


def objects_of(reference: Any, name: str) -> list[ObjectPrompt]:
    boxes = [tuple(map(float, box)) for box in reference["boxes"]]
    three = clicks(reference["points3"][0], reference["labels3"][0])
    return {
        "box": [ObjectPrompt(box=box) for box in boxes],
        "pt": [
            ObjectPrompt(points=clicks(p, n)) for p, n in zip(reference["points"], reference["labels"], strict=True)
        ],
        "pt3": [ObjectPrompt(points=three)],
        "boxpt": [ObjectPrompt(box=boxes[0], points=three)],
    }[name]


def test_preprocessing_equals_metas(golden: tuple[CountingBackend, Any, Any]) -> None:
    _, reference, rgb = golden

    prepared, placement = INPUT(rgb)

    np.testing.assert_allclose(prepared, reference["x"], atol=1e-5)
    assert (placement.resized_height, placement.resized_width) == tuple(reference["input_size"])
    corners = placement.to_model(reference["boxes"].reshape(-1, 2, 2)).reshape(-1, 4)
    np.testing.assert_allclose(corners, reference["boxes_scaled"], atol=1e-4)


@pytest.mark.parametrize("name", ["box", "pt3", "boxpt"])
@pytest.mark.parametrize(("multimask", "which"), [("single", "mm0"), ("all", "mm1")])
def test_masks_equal_metas(golden: tuple[CountingBackend, Any, Any], name: str, multimask: str, which: str) -> None:
    backend, reference, rgb = golden
    predictor = SamPredictor(backend, INPUT)
    predictor.set_image(rgb)

    answers = predictor.predict(objects_of(reference, name), multimask=multimask)

    shape = (*reference[f"{name}_area_{which}"].shape, 180, 240)
    bits = np.unpackbits(reference[f"{name}_maskbits_{which}"])[: np.prod(shape)].reshape(-1, 180, 240)
    ours = np.stack([answer.mask for answer in answers])
    assert np.mean(ours != bits) <= 1e-4
    np.testing.assert_allclose([a.score for a in answers], reference[f"{name}_iou_{which}"].ravel(), atol=5e-5)
    np.testing.assert_allclose([a.area_px for a in answers], reference[f"{name}_area_{which}"].ravel(), atol=5)
    for answer, mask in zip(answers, ours, strict=True):
        rows, columns = np.nonzero(mask)
        x, y, width, height = answer.bbox
        assert (x, y, x + width, y + height) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_refinement_equals_metas_mask_prompt(golden: tuple[CountingBackend, Any, Any]) -> None:
    backend, reference, rgb = golden
    predictor = SamPredictor(backend, INPUT)
    predictor.set_image(rgb)

    (answer,) = predictor.predict(objects_of(reference, "box")[:1], refine_rounds=1)

    bits = np.unpackbits(reference["boxmask_maskbits_mm0"]).reshape(180, 240)
    assert np.mean(answer.mask != bits) <= 1e-4
    assert answer.score == pytest.approx(float(reference["boxmask_iou_mm0"][0, 0]), abs=5e-5)


def test_choice_among_the_masks(golden: tuple[CountingBackend, Any, Any]) -> None:
    backend, reference, rgb = golden
    predictor = SamPredictor(backend, INPUT)
    predictor.set_image(rgb)
    point, box = ObjectPrompt(points=(Point(108, 63),)), objects_of(reference, "box")[0]
    expected = 1 + int(reference["pt_iou_mm1"][0].argmax())

    def choices(multimask: str) -> list[int]:
        return [answer.choice for answer in predictor.predict([point, box], multimask=multimask)]

    best_of_box = 1 + int(reference["box_iou_mm1"][0].argmax())
    assert choices("auto") == [expected, 0]
    assert choices("best") == [expected, best_of_box]
    assert choices("single") == [0, 0]
    assert choices("all") == [1, 2, 3, 1, 2, 3]


def test_mixed_prompts_keep_their_order_and_their_answers(golden: tuple[CountingBackend, Any, Any]) -> None:
    backend, reference, rgb = golden
    predictor = SamPredictor(backend, INPUT)
    predictor.set_image(rgb)
    mixed = [*objects_of(reference, "pt3"), *objects_of(reference, "box"), *objects_of(reference, "boxpt")]

    together = predictor.predict(mixed, multimask="single")

    alone = [predictor.predict([prompt], multimask="single")[0] for prompt in mixed]
    assert [answer.prompt for answer in together] == mixed
    for ours, expected in zip(together, alone, strict=True):
        assert np.mean(ours.mask != expected.mask) <= 1e-4
        assert ours.score == pytest.approx(expected.score, abs=1e-5)


def test_a_second_prompt_runs_the_encoder_zero_times(golden: tuple[CountingBackend, Any, Any], tmp_path: Path) -> None:
    backend, reference, rgb = golden
    boxes = objects_of(reference, "box")
    first = SamPredictor(backend, INPUT, EmbeddingCache(tmp_path))
    backend.encoded = 0
    first.set_image(rgb)
    before = first.predict(boxes[:1])[0]
    assert backend.encoded == 1

    first.set_image(rgb)
    again = first.predict(boxes[:1])[0]
    second = SamPredictor(backend, INPUT, EmbeddingCache(tmp_path))
    second.set_image(rgb)
    from_disk = second.predict(boxes[:1])[0]

    assert backend.encoded == 1
    assert before.rle == again.rle == from_disk.rle


def test_other_image_weights_or_preprocessing_miss_the_cache(
    golden: tuple[CountingBackend, Any, Any], tmp_path: Path
) -> None:
    backend, _, rgb = golden
    cache = EmbeddingCache(tmp_path)
    backend.encoded = 0
    SamPredictor(backend, INPUT, cache).set_image(rgb)
    SamPredictor(backend, INPUT, cache).set_image(rgb[:, ::-1].copy())
    SamPredictor(backend, replace(INPUT, mean=(0.0, 0.0, 0.0)), cache).set_image(rgb)
    other = CountingBackend(backend.network, fingerprint="other weights")
    SamPredictor(other, INPUT, cache).set_image(rgb)

    assert (backend.encoded, other.encoded) == (3, 1)
    SamPredictor(backend, INPUT, cache).set_image(rgb, file_bytes=b"the file")
    SamPredictor(backend, INPUT, cache).set_image(rgb, file_bytes=b"the file")
    assert backend.encoded == 4


def test_half_precision_cache_changes_few_pixels(golden: tuple[CountingBackend, Any, Any], tmp_path: Path) -> None:
    backend, reference, rgb = golden
    boxes = objects_of(reference, "box")
    exact = SamPredictor(backend, INPUT)
    exact.set_image(rgb)
    EmbeddingCache(tmp_path, half=True)
    SamPredictor(backend, INPUT, EmbeddingCache(tmp_path, half=True)).set_image(rgb)
    halved = SamPredictor(backend, INPUT, EmbeddingCache(tmp_path, half=True))
    halved.set_image(rgb)

    pairs = list(zip(exact.predict(boxes), halved.predict(boxes), strict=True))

    assert not np.array_equal(exact.encoded.embedding, halved.encoded.embedding)
    assert np.mean([np.mean(a.mask != b.mask) for a, b in pairs]) < 1e-3


def test_faults_name_image_and_prompt(golden: tuple[CountingBackend, Any, Any]) -> None:
    backend, _, rgb = golden
    predictor = SamPredictor(backend, INPUT)
    with pytest.raises(UsageError, match="call set_image first"):
        predictor.predict([ObjectPrompt(box=(0, 0, 5, 5))])
    predictor.set_image(rgb, name="a.jpg")

    with pytest.raises(UsageError, match=r"a\.jpg: box 2: the box 200,0,900,5 reaches outside"):
        predictor.predict([ObjectPrompt(box=(0, 0, 5, 5)), ObjectPrompt(box=(200, 0, 900, 5), name="box 2")])
    with pytest.raises(UsageError, match="not texts"):
        predictor.predict([ObjectPrompt(text="bear")])
    with pytest.raises(UsageError, match="auto, best, all, single"):
        predictor.predict([ObjectPrompt(box=(0, 0, 5, 5))], multimask="most")
