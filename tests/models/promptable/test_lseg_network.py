from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from segcli.models.promptable.lseg.lseg import TINY, LSeg
from segcli.models.promptable.table import build_promptable_network
from tests.models.promptable.golden_weights import fill, golden_arrays, largest_difference, paddle_shapes, read_json

Shared = Callable[[str], Path]


@pytest.fixture(scope="module")
def golden(shared: Shared) -> Iterator[tuple[LSeg, Any]]:
    network = LSeg(TINY)
    fill(network, golden_arrays(shared, read_json(shared("refs/lseg_tiny_state_dict.json"))))
    with np.load(shared("refs/lseg_tiny_ref.npz")) as reference:
        yield network, dict(reference)


def test_text_vectors(golden: tuple[LSeg, Any]) -> None:
    network, reference = golden

    vectors = network.clip_pretrained(paddle.to_tensor(reference["tokens"]))

    assert largest_difference(vectors, reference["text_features"]) <= 5e-5


def test_four_maps(golden: tuple[LSeg, Any]) -> None:
    network, reference = golden

    maps = network.pretrained(paddle.to_tensor(reference["x"]))

    for index, ours in enumerate(maps, start=1):
        assert largest_difference(ours, reference[f"layer{index}"]) <= 5e-5


@pytest.mark.parametrize(("rgb", "rows", "name"), [("x", [0, 1, 2], "logits3"), ("x", [0, 1], "logits2"),
                                                       ("x2", [0, 2], "logits_2")])  # fmt: skip
def test_logits(golden: tuple[LSeg, Any], rgb: str, rows: list[int], name: str) -> None:
    network, reference = golden

    logits = network(paddle.to_tensor(reference[rgb]), paddle.to_tensor(reference["tokens"][rows]))

    assert largest_difference(logits, reference[name]) <= 5e-5


def test_names_and_shapes_equal_modelscopes(shared: Shared) -> None:
    reference = read_json(shared("refs/lseg_vitl16_state_dict.json"))

    with paddle.LazyGuard():
        network = build_promptable_network("LSeg-L")

    state = network.state_dict()
    assert len(reference["state_dict"]) == 730
    assert len(state) == 557
    assert {key: list(value.shape) for key, value in state.items()} == paddle_shapes(reference)


def test_trains_on_a_batch_of_two(golden: tuple[LSeg, Any]) -> None:
    paddle.seed(0)
    network = LSeg(TINY)
    tokens = paddle.to_tensor(golden[1]["tokens"])
    target = paddle.zeros([2, 96, 96], "int64")
    target[:, 30:60, 30:60] = 1
    image = paddle.randn([2, 3, 96, 96])
    optimizer = paddle.optimizer.AdamW(1e-3, parameters=network.parameters())
    losses = []
    for _ in range(4):
        loss = paddle.nn.functional.cross_entropy(network(image, tokens), target, axis=1)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        losses.append(float(loss))

    assert losses[-1] < losses[0]
