from __future__ import annotations

import json
from typing import Any

import pytest

from segcli.engines.paddledet.networks import build_instance_network
from segcli.errors import UsageError
from segcli.models.instance.recipes import FROM_SCRATCH, INSTANCE_NAMES, instance_recipe
from segcli.models.instance.table import SIZED
from tests.conftest import shared_path

OFFICIAL = [name for name in INSTANCE_NAMES if SIZED[name].is_official]
HEAVY = {name for name in INSTANCE_NAMES if "101" in name or name.endswith(("-X", "-H"))}
MODELS = [pytest.param(n, marks=pytest.mark.slow) if n in HEAVY else n for n in OFFICIAL]


@pytest.fixture(scope="module")
def official() -> dict[str, Any]:
    return json.loads(shared_path("refs/statedicts_instance.json").read_text())


def test_every_official_model_has_a_recipe(official: dict[str, Any]) -> None:
    assert set(OFFICIAL) == set(official)


@pytest.mark.parametrize("name", MODELS)
def test_names_and_shapes_are_the_official_ones(name: str, official: dict[str, Any]) -> None:
    network = build_instance_network(name, 80, 640)
    parameters = list(network.parameters())

    assert {key: list(v.shape) for key, v in network.state_dict().items()} == official[name]["keys"]
    assert sum(p.size for p in parameters) == official[name]["params"]
    assert sum(p.size for p in parameters if not p.stop_gradient) == official[name]["trainable"]


@pytest.mark.parametrize("name", ["MaskRCNN-ResNet50-FPN", "Mask-RT-DETR-S", "SOLOv2"])
def test_from_scratch_everything_is_trained(name: str) -> None:
    network = build_instance_network(name, 2, 128, overrides=FROM_SCRATCH)

    frozen = [key for key, p in network.named_parameters() if p.stop_gradient]
    assert [key for key in frozen if not key.endswith(("._mean", "._variance"))] == []


def test_a_recipe_is_nobody_elses() -> None:
    instance_recipe("MaskRCNN-ResNet50-FPN", 3)["RPNHead"]["anchor_generator"]["strides"].append(128)

    assert instance_recipe("MaskRCNN-ResNet101-FPN", 3)["RPNHead"]["anchor_generator"]["strides"] == [4, 8, 16, 32, 64]


def test_an_unknown_model_names_the_near_ones() -> None:
    with pytest.raises(UsageError, match="Mask-RT-DETR-XL") as error:
        instance_recipe("Mask-RT-DETR-XL", 3)

    assert "Mask-RT-DETR-L" in str(error.value)
