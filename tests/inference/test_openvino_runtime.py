from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segcli.inference.runtimes import openvino_network
from segcli.inference.runtimes.openvino_network import SizedNetwork
from segcli.inference.runtimes.openvino_runtime import OpenVinoRuntime
from tests.own_process import run_alone

openvino = pytest.importorskip("openvino")


def make_network(folder: Path, shape: list[int]) -> Path:
    """The sum over the channels of an image, and the image's negative."""
    from openvino import opset13 as ops

    image = ops.parameter(shape, np.float32, name="image")
    image.output(0).tensor.set_names({"image"})
    total = ops.reduce_sum(image, np.array([1]), keep_dims=True)
    path = folder / "network.xml"
    openvino.save_model(openvino.Model([total, ops.negative(image)], [image], "network"), path)
    return path


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The shape of the input of each network that is compiled."""
    found: list[str] = []
    compile_one = SizedNetwork._compile

    def watched(self: SizedNetwork) -> object:
        found.append(str(self.model.inputs[0].partial_shape))
        return compile_one(self)

    monkeypatch.setattr(SizedNetwork, "_compile", watched)
    monkeypatch.setattr(openvino_network, "_OFTEN", 3)
    return found


def image(height: int, width: int, batch: int = 1) -> np.ndarray:
    return np.random.default_rng(height * width).random((batch, 3, height, width), np.float32)


def test_one_network_for_rare_sizes_and_one_for_a_frequent_size(tmp_path: Path, compiled: list[str]) -> None:
    runtime = OpenVinoRuntime(make_network(tmp_path, [-1, 3, -1, -1]), 1)
    for side in range(4, 12):
        given = image(side, 5)
        assert np.allclose(runtime.run(given), given.sum(1, keepdims=True), atol=1e-6)
    # the first, the second to compare with, and all others
    assert compiled == ["[1,3,4,5]", "[1,3,5,5]", "[1,3,?,?]"]
    given = image(20, 30)
    answers = [runtime.run_named({"image": given, "unknown": given}) for _ in range(6)]
    assert compiled[3:] == ["[1,3,20,30]"]
    for total, negative in answers:
        assert np.allclose(total, given.sum(1, keepdims=True), atol=1e-6)
        assert np.array_equal(negative, -given)


def test_a_network_of_one_size_is_compiled_for_it(tmp_path: Path, compiled: list[str]) -> None:
    runtime = OpenVinoRuntime(make_network(tmp_path, [1, 3, 6, 7]), 1)
    runtime.run(image(6, 7))
    runtime.run(image(6, 7))
    assert compiled == ["[1,3,6,7]"]


def test_each_number_of_images_has_its_network(tmp_path: Path, compiled: list[str]) -> None:
    runtime = OpenVinoRuntime(make_network(tmp_path, [-1, 3, -1, -1]), 1)
    for batch in (1, 2, 1, 2):
        for side in (4, 5, 6):
            given = image(side, 5, batch)
            assert np.allclose(runtime.run(given), given.sum(1, keepdims=True), atol=1e-6)
    assert {"[1,3,?,?]", "[2,3,?,?]"} <= set(compiled)


@pytest.mark.parametrize("fails", [True, False])
def test_a_network_that_answers_otherwise_with_free_sizes_is_compiled_for_each(
    *, fails: bool, tmp_path: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_one = SizedNetwork._compile

    def spoil_free(self: SizedNetwork) -> object:
        network = compile_one(self)
        if "?" not in str(self.model.inputs[0].partial_shape):
            return network
        if fails:
            raise RuntimeError("a dimension is not known")
        return lambda inputs: {port: value + 1 for port, value in network(inputs).items()}

    monkeypatch.setattr(SizedNetwork, "_compile", spoil_free)
    runtime = OpenVinoRuntime(make_network(tmp_path, [-1, 3, -1, -1]), 1)
    for side in (4, 5, 6, 4):
        given = image(side, 5)
        assert np.allclose(runtime.run(given), given.sum(1, keepdims=True), atol=1e-6)
    assert compiled == ["[1,3,4,5]", "[1,3,5,5]", "[1,3,?,?]", "[1,3,6,5]"]


def test_a_huge_size_has_one_network_that_gives_its_memory_back(
    tmp_path: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given_back: list[str] = []
    compile_one = SizedNetwork._compile

    def watched(self: SizedNetwork) -> object:
        return Watched(compile_one(self), str(self.model.inputs[0].partial_shape), given_back)

    monkeypatch.setattr(SizedNetwork, "_compile", watched)
    monkeypatch.setattr(openvino_network, "LARGE_BYTES", image(6, 6).nbytes)
    monkeypatch.setattr(openvino_network, "_HUGE_BYTES", image(9, 9).nbytes)
    runtime = OpenVinoRuntime(make_network(tmp_path, [-1, 3, -1, -1]), 1)
    first = image(9, 9)
    kept = runtime.run(first)
    for given in (image(9, 9), image(10, 9), image(11, 9), image(5, 5), image(8, 8), image(8, 8), image(9, 9)):
        assert np.allclose(runtime.run(given), given.sum(1, keepdims=True), atol=1e-6)
    assert np.allclose(kept, first.sum(1, keepdims=True), atol=1e-6), "later runs write elsewhere"
    fixed, free = "[1,3,8,8]", "[1,3,?,?]"
    assert compiled == ["[1,3,9,9]", "[1,3,10,9]", "[1,3,11,9]", "[1,3,5,5]", fixed, free, "[1,3,9,9]"]
    huge = ["[1,3,9,9]", "[1,3,9,9]", "[1,3,10,9]", "[1,3,11,9]"]
    assert given_back == [*huge, fixed, free, fixed, "[1,3,9,9]"], "at most one network keeps that of a large run"


def test_several_small_images_are_no_huge_one(
    tmp_path: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino_network, "_HUGE_BYTES", image(9, 9).nbytes)
    runtime = OpenVinoRuntime(make_network(tmp_path, [-1, 3, -1, -1]), 1)
    for batch in (4, 3, 4, 3):  # the last batch of each round is smaller
        given = image(8, 8, batch)
        assert np.allclose(runtime.run(given), given.sum(1, keepdims=True), atol=1e-6)
    assert len(compiled) == len(set(compiled)), "a huge size is compiled again after another"


class Watched:
    """A compiled network that notes when it gives its memory back."""

    def __init__(self, network: Any, shape: str, given_back: list[str]) -> None:
        self.network, self.shape, self.given_back = network, shape, given_back

    def __call__(self, inputs: object) -> Any:
        return self.network(inputs)

    def create_infer_request(self) -> Any:
        return self.network.create_infer_request()

    def release_memory(self) -> None:
        self.network.release_memory()
        self.given_back.append(self.shape)


def test_signals_reach_a_process_whose_networks_were_closed() -> None:
    """The stack of signal handlers that OpenVINO takes away would end it by a segmentation fault."""
    run_alone(Path(__file__).with_name("alone_openvino_core.py"))
