from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segcli.errors import UsageError
from segcli.inference.square_input import SquareInput
from segcli.models.promptable.lseg.lseg import TINY, LSeg
from segcli.models.promptable.specs import PROMPTABLE
from segcli.promptable.backends import PaddleLSeg
from segcli.promptable.prompts import ObjectPrompt
from segcli.promptable.text_predictor import TextPredictor, mask_of_margin
from tests.models.promptable.golden_weights import fill, golden_arrays, read_json

Shared = Callable[[str], Path]


def square(side: int) -> SquareInput:
    """The preprocessing of LSeg."""
    return replace(SquareInput.of(PROMPTABLE["LSeg-tiny"]), side=side)


@pytest.fixture(scope="module")
def golden(shared: Shared) -> Iterator[tuple[PaddleLSeg, Any]]:
    network = LSeg(TINY)
    fill(network, golden_arrays(shared, read_json(shared("refs/lseg_tiny_state_dict.json"))))
    with np.load(shared("refs/lseg_tiny_ref.npz")) as reference:
        yield PaddleLSeg(network), dict(reference)


def test_preprocessing_equals_modelscopes(golden: tuple[PaddleLSeg, Any]) -> None:
    _, reference = golden

    for rgb, prepared, cut in (("image", "x", "crop"), ("image2", "x2", "crop2")):
        ours, placement = square(96)(reference[rgb])
        np.testing.assert_allclose(ours, reference[prepared], atol=1e-5)
        assert (placement.resized_height, placement.resized_width) == tuple(reference[cut])


def test_mask_equals_modelscopes(golden: tuple[PaddleLSeg, Any]) -> None:
    backend, reference = golden
    predictor = TextPredictor(backend, square(96))
    predictor.set_image(reference["image2"])

    bear, light = predictor.predict([ObjectPrompt(text="bear"), ObjectPrompt(text="traffic light", label="light")])

    assert np.mean(light.mask != (reference["mask2"] == 255)) <= 1e-4
    assert light.prompt.label == "light"
    assert light.area_px == np.count_nonzero(light.mask)
    assert bear.rle != light.rle
    assert 0.5 < light.score <= 1.0


def test_second_text_does_not_encode_the_image_again(
    golden: tuple[PaddleLSeg, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, reference = golden
    predictor = TextPredictor(backend, square(96))
    predictor.set_image(reference["image2"])

    def refuse(image: Any) -> Any:
        raise AssertionError("the image was encoded again")

    monkeypatch.setattr(backend, "encode_image", refuse)
    predictor.set_image(reference["image2"])
    assert len(predictor.predict([ObjectPrompt(text="bear")])) == 1


def test_background_text_matters(golden: tuple[PaddleLSeg, Any]) -> None:
    backend, reference = golden
    predictor = TextPredictor(backend, square(96))
    predictor.set_image(reference["image2"])

    areas = {
        text: predictor.predict([ObjectPrompt(text="bear")], background=text)[0].area_px
        for text in ("others", "a photo of a wall", "bear")
    }

    assert areas["others"] != areas["a photo of a wall"]
    assert areas["bear"] == 0


def test_wrong_prompts(golden: tuple[PaddleLSeg, Any]) -> None:
    backend, reference = golden
    predictor = TextPredictor(backend, square(96))
    with pytest.raises(UsageError, match="call set_image first"):
        predictor.predict([ObjectPrompt(text="bear")])
    predictor.set_image(reference["image2"])

    with pytest.raises(UsageError, match="takes texts"):
        predictor.predict([ObjectPrompt(box=(0, 0, 5, 5))])
    with pytest.raises(UsageError, match="reads at most 75"):
        predictor.predict([ObjectPrompt(text="cat " * 90)])
    assert len(predictor.predict([ObjectPrompt(text="cat " * 90)], truncate=True)) == 1


def test_mask_of_margin_by_hand() -> None:
    placement = square(8).place(4, 8)
    margin = np.full((8, 8), 1.0, np.float32)
    margin[:, 4:] = -1.0

    mask = mask_of_margin(margin, placement)

    assert mask.shape == (4, 8)
    assert mask[:, :4].all()
    assert not mask[:, 4:].any()
