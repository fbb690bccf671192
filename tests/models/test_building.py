from __future__ import annotations

import pytest

from segcli.errors import UsageError
from segcli.models import build_network


def test_a_network_by_name() -> None:
    network = build_network("SegFormer-B0", num_classes=7, lazy=True)

    shapes = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes["linear_pred.weight"] == [7, 256, 1, 1]
    assert network.training


def test_without_a_count_it_has_the_classes_of_cityscapes() -> None:
    network = build_network("PP-LiteSeg-T", lazy=True)

    assert network.seg_heads[0].conv_out.weight.shape[0] == 19


def test_an_instance_network_by_name() -> None:
    network = build_network("PP-YOLOE_seg-S", num_classes=3, lazy=True)

    classes = [tensor.shape[0] for name, tensor in network.named_parameters() if name.endswith("pred_cls.0.bias")]
    assert classes == [3]


def test_near_names_are_offered() -> None:
    with pytest.raises(UsageError, match="SegFormer-B0"):
        build_network("segformer_b0", num_classes=2)


@pytest.mark.parametrize("arguments", [{"input_size": 640}, {"num_classes": 0}])
def test_arguments_that_do_not_fit_are_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        build_network("PP-LiteSeg-T", **arguments)
