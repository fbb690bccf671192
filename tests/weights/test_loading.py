from __future__ import annotations

import logging
from typing import Any

import numpy as np
import paddle
import pytest
from paddle import nn

from segcli.errors import WeightsError
from segcli.weights.loading import load_exactly, load_into

Arrays = dict[str, np.ndarray[Any, Any]]


class Tiny(nn.Layer):
    """A backbone of ten tensors and a head of two."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.backbone = nn.Sequential(*[nn.Linear(4, 4) for _ in range(10)])
        self.head = nn.Linear(4, num_classes)


def arrays_of(network: Any) -> Arrays:
    return {name: tensor.numpy() + 1.0 for name, tensor in network.state_dict().items()}


def assert_holds(network: Any, arrays: Arrays) -> None:
    state = network.state_dict()
    for name, array in arrays.items():
        np.testing.assert_array_equal(state[name].numpy(), array)


def test_all_is_loaded() -> None:
    network = Tiny(3)
    arrays = arrays_of(network)

    report = load_into(network, arrays)

    assert report.is_exact
    assert len(report.loaded) == 22
    assert_holds(network, arrays)


def test_a_head_of_another_class_count_is_skipped_by_name(caplog: pytest.LogCaptureFixture) -> None:
    network = Tiny(3)
    before = {name: network.state_dict()[name].numpy() for name in ("head.weight", "head.bias")}
    arrays = arrays_of(Tiny(5))

    with caplog.at_level(logging.INFO, "segcli.weights"):
        report = load_into(network, arrays)

    assert [str(mismatch) for mismatch in report.mismatched] == [
        "head.weight (file [4, 5], network [4, 3])",
        "head.bias (file [5], network [3])",
    ]
    assert len(report.loaded) == 20
    assert_holds(network, before)
    assert caplog.records[0].levelname == "WARNING"
    assert "head.weight" in caplog.records[0].message


def test_a_backbone_file_goes_into_the_backbone() -> None:
    network = Tiny(3)
    arrays = {name.removeprefix("backbone."): array for name, array in arrays_of(network).items() if "head" not in name}
    arrays["fc.weight"] = np.zeros((4, 1000), np.float32)

    report = load_into(network, arrays)

    assert report.missing == ("head.weight", "head.bias")
    assert report.unexpected == ("fc.weight",)
    assert_holds(network, {f"backbone.{name}": array for name, array in arrays.items() if name != "fc.weight"})


@pytest.mark.parametrize("wrapper", ["_layers.", "module."])
def test_a_wrapper_s_prefix_is_taken_off(wrapper: str) -> None:
    network = Tiny(3)
    arrays = arrays_of(network)

    report = load_into(network, {wrapper + name: array for name, array in arrays.items()})

    assert report.is_exact
    assert_holds(network, arrays)


def test_half_of_a_network_is_refused_and_changes_nothing() -> None:
    network = Tiny(3)
    before = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    half = dict(list(arrays_of(network).items())[:11])

    with pytest.raises(WeightsError, match="fill 11 of 22 tensors"):
        load_into(network, half)

    assert_holds(network, before)


def test_types_are_converted() -> None:
    network = Tiny(3)
    arrays = {name: array.astype(np.float64) for name, array in arrays_of(network).items()}
    arrays["head.bias"] = arrays["head.bias"].astype(np.float16)

    load_into(network, arrays)

    assert network.head.bias.dtype == paddle.float32
    np.testing.assert_array_equal(network.head.bias.numpy(), arrays["head.bias"].astype(np.float32))


def test_exactly_means_every_tensor() -> None:
    with pytest.raises(WeightsError, match=r"model\.pdparams.*head\.weight"):
        load_exactly(Tiny(3), arrays_of(Tiny(5)), path="model.pdparams")
    with pytest.raises(WeightsError, match=r"other\.pdparams.*another network"):
        load_exactly(Tiny(3), {}, path="other.pdparams")


def test_the_last_stage_of_a_resnet_becomes_the_head_of_a_c4_network() -> None:
    """ImageNet's `res5.*` is Mask R-CNN's `bbox_head.head.res5.*`, where the network has four stages only."""

    class C4(nn.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = nn.Sequential(*[nn.Linear(4, 4) for _ in range(10)])
            self.bbox_head = nn.Layer()
            self.bbox_head.head = nn.Layer()
            self.bbox_head.head.res5 = nn.Linear(4, 6)

    network = C4()
    arrays = {name: tensor.numpy() + 1.0 for name, tensor in network.state_dict().items()}
    file = {name.removeprefix("backbone.").removeprefix("bbox_head.head."): array for name, array in arrays.items()}
    file["fc.weight"] = np.zeros((4, 1000), np.float32)

    report = load_into(network, file)

    assert set(file) > {"res5.weight", "0.weight"}
    assert (report.unexpected, report.missing) == (("fc.weight",), ())
    assert_holds(network, arrays)
