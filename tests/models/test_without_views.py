"""Networks that train without views: the same losses and gradients as with them, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import paddle
import pytest

from segcli.cpu import without_views
from segcli.models.host_memory import empty, tensor_of
from segcli.models.table import MODELS
from tests.bench.steps import Step, lseg, mask_rtdetr, sam, semantic

STEPS: dict[str, Callable[[], Step]] = {
    "MaskFormer_tiny": partial(semantic, "MaskFormer_tiny", side=100),  # no whole number of windows
    "Mask-RT-DETR-S": partial(mask_rtdetr, side=128, images=1, objects=3),
    "SAM-tiny": partial(sam, "SAM-tiny", 2, images=1, side=128),
    "LSeg-tiny": partial(lseg, images=1),
}


@pytest.mark.parametrize("name", sorted(STEPS))
def test_losses_and_gradients_are_the_same(name: str) -> None:
    assert MODELS[name].trains_without_views
    paddle.seed(0)
    network, step = STEPS[name]()
    found = []
    for wanted in (False, True):
        paddle.seed(1)
        with without_views(wanted):
            loss = step()
            loss.backward()
        gradients = {key: value.grad for key, value in network.named_parameters() if value.grad is not None}
        found.append({"": loss.numpy(), **{key: value.numpy() for key, value in gradients.items()}})
        network.clear_gradients(set_to_zero=False)
    with_views, without = found

    assert len(without) > 10
    np.testing.assert_equal(without, with_views)


def test_arrays_in_another_order_become_tensors_that_are_no_views() -> None:
    array = empty([2, 3])
    array[...] = np.arange(6).reshape(2, 3)
    with without_views():
        moved = tensor_of(array.T) + 1
        kept = tensor_of(array)
        kept[0, 0] = 7

    np.testing.assert_array_equal(moved.numpy(), [[1, 4], [2, 5], [3, 6]])
    assert array[0, 0] == 7  # the same memory where the order is Paddle's
