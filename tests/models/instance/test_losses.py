from __future__ import annotations

import numpy as np
import paddle
import pytest

from tests.models.instance import golden

MODELS = [
    "PP-YOLOE_seg-S",
    "Mask-RT-DETR-S",
    pytest.param("Mask-RT-DETR-L", marks=pytest.mark.slow),
    pytest.param("Mask-RT-DETR-H", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("name", MODELS)
def test_losses_and_gradients_are_the_references(name: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        floats, integers = np.random.default_rng(99), np.random.default_rng(5)
        patch.setattr(paddle, "rand", lambda shape: paddle.to_tensor(floats.random(tuple(shape)).astype("float32")))
        patch.setattr(
            paddle,
            "randint_like",
            lambda x, low, high, dtype: paddle.to_tensor(integers.integers(low, high, tuple(x.shape)).astype(dtype)),
        )
        network = golden.network(name)
        losses = network({**golden.inputs(name), **golden.targets(name)})
    losses["loss"].backward()
    _, numbers = golden.files(name)

    assert {k: float(v) for k, v in losses.items()} == pytest.approx(numbers["train_losses"], rel=1e-5)
    norms = {
        key: float(np.linalg.norm(p.grad.numpy().astype("float64")))
        for key, p in network.named_parameters()
        if p.grad is not None
    }
    # the largest norms are 1e5; below 1e-3 is the rounding of what cancels out. Bilinear sampling has kinks, so that
    # some gradients depend on the number of threads (1.6e-4 between one and two)
    assert norms == pytest.approx(numbers["grad_norms"], rel=1e-3, abs=1e-3)
