from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest

from tests.models.instance import golden

LARGE = pytest.mark.slow
MODELS = [
    "PP-YOLOE_seg-S",
    "Mask-RT-DETR-S",
    pytest.param("Mask-RT-DETR-L", marks=LARGE),
    pytest.param("Mask-RT-DETR-H", marks=LARGE),
]
TOLERANCE = 1e-4


class Evaluated:
    """One network's answer and what its parts said on the way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.network = golden.network(name)
        self.network.eval()
        self.parts: dict[str, Any] = {}
        for part in ("backbone", "neck", "transformer", "yolo_head"):
            if hasattr(self.network, part):
                getattr(self.network, part).register_forward_post_hook(self._keep(part))
        with paddle.no_grad():
            self.output = self.network(golden.inputs(name))
        self.arrays, self.numbers = golden.files(name)

    def _keep(self, part: str) -> Any:
        def hook(_layer: Any, _inputs: Any, output: Any) -> None:
            self.parts[part] = output

        return hook

    def difference(self, part: str, values: list[Any]) -> float:
        """Largest difference to the golden samples, relative to the largest of them, over the part's outputs."""
        sample = golden.maker().sample
        worst = 0.0
        for i, value in enumerate(values):
            key = f"{part}.{i}"
            assert list(value.shape) == self.numbers[key]["shape"]
            expected = self.arrays[f"{key}.sample"]
            found = sample(value.numpy())
            worst = max(worst, float(np.abs(found - expected).max() / max(1.0, np.abs(expected).max())))
        return worst


@pytest.fixture(scope="module", params=MODELS)
def evaluated(request: pytest.FixtureRequest) -> Evaluated:
    return Evaluated(request.param)


def test_features_are_the_references(evaluated: Evaluated) -> None:
    neck = evaluated.parts["neck"]
    flat = [*neck[0], neck[1]] if evaluated.name.startswith("Mask") else list(neck)

    assert evaluated.difference("backbone", evaluated.parts["backbone"]) < TOLERANCE
    assert evaluated.difference("neck", flat) < TOLERANCE


def test_predictions_are_the_references(evaluated: Evaluated) -> None:
    if evaluated.name.startswith("PP-YOLOE"):
        said = evaluated.parts["yolo_head"]
        boxes = evaluated.network.yolo_head.decode(said)
        distances = paddle.concat([said.centres - boxes[..., :2], boxes[..., 2:] - said.centres], axis=-1)
        values = [said.scores, distances, said.coefficients, said.prototypes, said.centres, said.strides]
        for i in (0, 2):
            values[i] = values[i].transpose([0, 2, 1])
        assert evaluated.difference("yolo_head", values) < TOLERANCE
        return
    said = evaluated.parts["transformer"]
    last, encoder, prototypes = said.layers[-1], said.encoder, said.prototypes
    values = [v.unsqueeze(0) for v in (last.logits, last.boxes, last.masks(prototypes))]
    values += [encoder.logits, encoder.boxes, encoder.masks(prototypes)]
    assert evaluated.difference("transformer", values) < TOLERANCE


def test_detections_are_the_references(evaluated: Evaluated) -> None:
    found, expected = evaluated.output["bbox"].numpy(), evaluated.arrays["out.bbox"]
    scale = np.array([1, 1, 120, 100, 120, 100], np.float32)
    # among scores that are equal to 1e-6 the order is open: every detection must have its counterpart
    gaps = np.abs(found[:, None] / scale - expected[None] / scale).max(-1)

    assert found.shape == expected.shape
    assert np.abs(found[:, 1] - expected[:, 1]).max() < TOLERANCE
    assert gaps.min(axis=1).max() < TOLERANCE
    assert gaps.min(axis=0).max() < TOLERANCE
    assert evaluated.output["bbox_num"].tolist() == evaluated.arrays["out.bbox_num"].tolist()


def test_masks_are_the_references(evaluated: Evaluated) -> None:
    shape = evaluated.numbers["out.mask"]["shape"]
    expected = np.unpackbits(evaluated.arrays["out.mask"], axis=1).reshape(shape)
    found = evaluated.output["mask"].numpy()

    assert found.dtype == np.uint8
    assert found.shape == expected.shape
    assert (found != expected).mean() < TOLERANCE
