"""Arrays that become tensors without a copy begin where Paddle's own memory does."""

from __future__ import annotations

import random

import numpy as np
import paddle
import pytest

from segcli.engines.paddleseg.parts import compute_losses
from segcli.models.host_memory import array_of, empty, tensor_of
from tests.bench.one_batch import OneBatch


@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (3, 5, 7)])
def test_an_empty_array_begins_as_paddles_tensors(shape: tuple[int, ...]) -> None:
    for _ in range(8):
        array = empty(shape)
        assert array.shape == shape and array.dtype == np.float32
        array[...] = 3
        tensor = tensor_of(array)
        assert array.size == 0 or (tensor.data_ptr() == array.ctypes.data and array.ctypes.data % 64 == 0)
        np.testing.assert_array_equal(array_of(tensor), array)


@pytest.mark.parametrize("bytes_off", range(0, 64, 4))
def test_an_array_from_elsewhere_is_copied_unless_it_begins_so(bytes_off: int) -> None:
    first = bytes_off // 4
    array = empty([40])[first : first + 6].reshape(2, 3)
    array[...] = np.arange(6).reshape(2, 3)
    tensor = tensor_of(array)

    assert tensor.data_ptr() % 64 == 0 and (tensor.data_ptr() == array.ctypes.data) == (bytes_off == 0)
    assert tensor.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert tensor_of(array.T).tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize("name", ["UNet-S", "PP-LiteSeg-T"])
def test_a_step_repeats_bit_by_bit_wherever_memory_is_free(name: str) -> None:
    given = OneBatch(images=2, side_px=256, classes=6, learning_rate=1e-3)
    network, _, losses = given.parts(name)
    batch, weights = given.tensors(name), {key: value.clone() for key, value in network.state_dict().items()}
    others: list[np.ndarray] = []
    found = []
    for seed in range(3):
        network.set_state_dict(weights)
        network.clear_gradients(set_to_zero=False)
        sizes = random.Random(seed)
        others = [np.empty(sizes.randint(1, 200_000), np.uint8) for _ in range(50)][seed::2]
        paddle.seed(0)
        loss = sum(compute_losses(network, network, batch, losses))
        loss.backward()
        found.append([float(loss), *(one.grad.numpy() for one in network.parameters() if one.grad is not None)])

    assert len(found[0]) > 40 and others
    for later in found[1:]:
        assert all(np.array_equal(one, first) for one, first in zip(later, found[0], strict=True))
