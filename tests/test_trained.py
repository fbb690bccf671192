from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from segcli.errors import UsageError, WeightsError
from segcli.models.card import ModelCard
from segcli.models.spec import Preprocess
from segcli.networks import build_network
from segcli.trained import load_trained
from segcli.weights.files import write_pdparams, write_safetensors

NAMES = ("road", "car", "tree")


def arrays_of(network: Any) -> dict[str, Any]:
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


@pytest.fixture(scope="module")
def network() -> Any:
    paddle.seed(0)
    return build_network("PP-LiteSeg-T", num_classes=3)


@pytest.fixture
def weights(network: Any, tmp_path: Path) -> Path:
    write_pdparams(tmp_path / "model.pdparams", arrays_of(network))
    ModelCard("PP-LiteSeg-T", NAMES, preprocess=Preprocess((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))).save(tmp_path)
    return tmp_path / "model.pdparams"


def test_network_and_card_come_back(network: Any, weights: Path) -> None:
    trained = load_trained(weights)
    image = paddle.randn([1, 3, 64, 64])
    network.eval()

    assert trained.card.class_names == NAMES
    assert trained.card.preprocess.mean == (0.1, 0.2, 0.3)
    assert trained.spec.name == "PP-LiteSeg-T"
    assert not trained.network.training
    np.testing.assert_array_equal(trained.network(image)[0].numpy(), network(image)[0].numpy())


def test_another_model_is_refused_with_both_names(weights: Path) -> None:
    with pytest.raises(WeightsError, match="holds PP-LiteSeg-T, not SegFormer-B0"):
        load_trained(weights, "SegFormer-B0")


def test_a_missing_tensor_is_named(network: Any, weights: Path) -> None:
    arrays = arrays_of(network)
    del arrays["seg_heads.0.conv_out.weight"]
    write_pdparams(weights, arrays)

    with pytest.raises(WeightsError, match=r"seg_heads\.0\.conv_out\.weight") as caught:
        load_trained(weights)
    assert caught.value.path == str(weights)


def test_a_tensor_too_many_is_named(network: Any, weights: Path) -> None:
    write_pdparams(weights, {**arrays_of(network), "stranger": np.zeros(2, np.float32)})

    with pytest.raises(WeightsError, match="stranger"):
        load_trained(weights)


def test_a_card_of_other_classes_does_not_fit(weights: Path) -> None:
    ModelCard("PP-LiteSeg-T", ("road", "car")).save(weights.parent)

    with pytest.raises(WeightsError, match="skipped for their shape"):
        load_trained(weights)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("PP-LiteSeg-T", 5),
        ("SegFormer-B0", 1),
        ("SeaFormer_tiny", 150),
        ("MaskFormer_tiny", 4),
        ("PP-YOLOE_seg-S", 7),
        ("Mask-RT-DETR-S", 2),
    ],
)
def test_without_a_card_the_head_tells_the_classes(
    name: str, count: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shapes = {key: tensor.shape for key, tensor in build_network(name, count, lazy=True).state_dict().items()}
    arrays = {key: np.zeros(shape, np.float32) for key, shape in shapes.items()}
    write_safetensors(tmp_path / "official.safetensors", arrays)

    with caplog.at_level(logging.WARNING, "segcli.weights"):
        trained = load_trained(tmp_path / "official.safetensors", name)

    assert len(trained.card.class_names) == count
    assert trained.card.class_names[0] == "class_0"
    assert trained.card.preprocess == trained.spec.preprocess
    assert "numbered" in caplog.text


def test_without_card_and_name_nothing_is_guessed(weights: Path) -> None:
    (weights.parent / "model_card.json").unlink()

    with pytest.raises(WeightsError, match="no card"):
        load_trained(weights)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        load_trained(tmp_path / "model.pdparams")


def test_weights_of_another_network_without_a_card(weights: Path) -> None:
    (weights.parent / "model_card.json").unlink()

    with pytest.raises(WeightsError, match="no head of SegFormer-B0"):
        load_trained(weights, "SegFormer-B0")


def test_an_unknown_model_is_a_usage_error(weights: Path) -> None:
    (weights.parent / "model_card.json").unlink()

    with pytest.raises(UsageError):
        load_trained(weights, "SegFormer-B9")
