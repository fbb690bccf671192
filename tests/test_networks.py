from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from segcli.errors import UsageError
from segcli.models.names import MODEL_TASKS, PARAMETERS_MILLION
from segcli.models.task import Task
from segcli.networks import build_network
from segcli.weights.convert import network_layout


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


@pytest.mark.parametrize("task", ["semantic", "instance"])
def test_sizes_in_the_list_of_models_are_the_official_ones(task: str, shared: Callable[[str], Path]) -> None:
    official = json.loads(shared(f"refs/statedicts_{task}.json").read_text())
    stated = {name: PARAMETERS_MILLION[name] for name in official}

    assert stated == {name: round(entry["params"] / 1e6, 1) for name, entry in official.items()}


def test_sizes_of_promptable_models_are_those_of_their_networks() -> None:
    names = [name for name in PARAMETERS_MILLION if MODEL_TASKS[name] is Task.PROMPTABLE]
    counts = {name: sum(map(math.prod, network_layout(name).shapes.values())) for name in names}

    assert {name: PARAMETERS_MILLION[name] for name in names} == {k: round(v / 1e6, 1) for k, v in counts.items()}
