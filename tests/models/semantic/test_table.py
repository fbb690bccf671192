from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from segcli.models.semantic.table import SEMANTIC_MODELS
from segcli.models.spec import ModelSpec
from segcli.networks import build_network

NAMES = [spec.name for spec in SEMANTIC_MODELS]


def test_models_and_addresses_are_paddlex_s(shared: Callable[[str], Path]) -> None:
    paddlex = json.loads(shared("refs/paddlex_configs.json").read_text())["semantic_segmentation"]

    official = [spec for spec in SEMANTIC_MODELS if spec.weights]
    assert sorted(spec.name for spec in official) == sorted(paddlex)
    for spec in official:
        theirs = paddlex[spec.name]
        assert spec.weights["pretrained"] == theirs["Export"]["weight_path"]
        assert theirs["Train"]["pretrain_weight_path"] in spec.weights.values()
        shape = theirs["Export"].get("input_shape")
        assert spec.fixed_export == (None if shape is None else tuple(shape[2:]))


@pytest.mark.parametrize("spec", SEMANTIC_MODELS, ids=NAMES)
def test_images_are_normalised_alike_in_training_and_after(spec: ModelSpec) -> None:
    assert spec.recipe is not None
    last = spec.recipe.transforms[-1]

    assert last == {"type": "Normalize", "mean": list(spec.preprocess.mean), "std": list(spec.preprocess.std)}


@pytest.mark.parametrize("name", ["SeaFormer_tiny", "SeaFormer_large", "MaskFormer_tiny"])
def test_every_parameter_group_catches_something(name: str) -> None:
    spec = next(spec for spec in SEMANTIC_MODELS if spec.name == name)
    assert spec.recipe is not None
    groups = [group["name"] for group in spec.recipe.optimizer["custom_cfg"]]
    caught = dict.fromkeys(groups, 0)
    for parameter, _ in build_network(name, 3, lazy=True).named_parameters():
        first = next((group for group in groups if group in parameter), None)
        if first is not None:
            caught[first] += 1

    # PaddleX's group `head` names no parameter; its weights were trained so
    assert all(caught[group] for group in groups if group != "head"), caught


def test_short_sides_of_maskformer_are_tenths_of_512() -> None:
    recipe = next(spec for spec in SEMANTIC_MODELS if spec.name == "MaskFormer_tiny").recipe
    assert recipe is not None
    sides = recipe.transforms[0]["short_size"]

    assert (sides[0], sides[1], sides[5], sides[-1], len(sides)) == (256, 307, 512, 1024, 16)


def test_the_table_is_read_without_paddle() -> None:
    script = "import sys, segcli.models.table; sys.exit('paddle' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
