"""Where a training starts: `Train.pretrain_weight_path` through the command."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segcli.errors import WeightsError
from segcli.models.card import ModelCard
from segcli.models.published import restricts
from segcli.models.table import get_spec
from segcli.steps.train.command import train
from segcli.weights.class_match import moved_classes
from segcli.weights.download import cached_name
from segcli.weights.files import read_weights, write_pdparams, write_safetensors
from segcli.weights.official import licence_of, official_names
from tests.images import make_seg_dataset
from tests.trained_model import make_config, save_weights

MODEL = "SeaFormer_tiny"
STATISTICS = ("_mean", "_variance")
FIVE = ("a", "b", "c", "d", "e")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_seg_dataset(tmp_path_factory.mktemp("pretrained") / "data", train=2, val=1)


@pytest.fixture(scope="module")
def five_classes(tmp_path_factory):
    """Weights of five classes; the dataset has three."""
    return save_weights(tmp_path_factory.mktemp("five"), model=MODEL, names=FIVE)


def start(output: Path, dataset: Path, weights: str):
    """One iteration that moves nothing but running statistics; returns the weights after it."""
    settings = {
        "epochs_iters": 1,
        "crop_size": (64, 64),
        "learning_rate": 1e-30,
        "pretrain_weight_path": weights,
        "export_best": False,
    }
    train(make_config(output, dataset, model=MODEL, Train=settings))
    return read_weights(output / "iter_1" / "model.pdparams")


def assert_started_from(trained, wanted, part=""):
    compared = [name for name in wanted if not name.endswith(STATISTICS) and "cls_seg" not in name]
    assert len(compared) > 100
    for name in compared:
        np.testing.assert_allclose(trained[part + name], wanted[name], rtol=0, atol=1e-20, err_msg=name)


def test_a_head_of_other_classes_is_left_out_and_said(dataset, five_classes, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "segcli.weights"):
        trained = start(tmp_path, dataset, str(five_classes))
    assert_started_from(trained, read_weights(five_classes))
    assert trained["cls_seg.weight"].shape[0] == 3
    said = next(record for record in caplog.records if "skipped for their shape" in record.getMessage())
    assert said.levelname == "WARNING"
    assert "cls_seg.bias (file [5], network [3])" in said.getMessage()


def test_a_backbone_file_in_safetensors(dataset, five_classes, tmp_path, caplog):
    prefix = "backbone."
    backbone = {
        name.removeprefix(prefix): array
        for name, array in read_weights(five_classes).items()
        if name.startswith(prefix)
    }
    write_safetensors(tmp_path / "backbone.safetensors", backbone)
    with caplog.at_level(logging.INFO, "segcli.weights"):
        trained = start(tmp_path / "output", dataset, str(tmp_path / "backbone.safetensors"))
    assert_started_from(trained, backbone, prefix)
    assert f"{len(backbone)} tensors loaded" in caplog.text
    assert "not in the file: linear_fuse" in caplog.text


def test_weights_of_another_network_are_refused(dataset, tmp_path):
    write_pdparams(tmp_path / "other.pdparams", {"conv.weight": np.zeros((3, 3), np.float32)})
    with pytest.raises(WeightsError, match="of another network"):
        start(tmp_path / "output", dataset, str(tmp_path / "other.pdparams"))


def test_official_weights_without_a_network(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SEGCLI_OFFLINE")
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(WeightsError, match=r"connection failed.*\n.*pretrain_weight_path=null") as caught:
        start(tmp_path / "output", dataset, "pretrained")
    assert "SeaFormer_tiny_pretrained.pdparams" in str(caught.value)


def test_exchanged_classes_and_a_licence_that_binds_are_said_and_the_licence_stays(dataset, tmp_path, caplog):
    weights = save_weights(tmp_path / "start", model=MODEL, names=("_background_", "blue", "red"))
    card = ModelCard.beside(weights)
    replace(card, licence="non-commercial (NVIDIA)").save(weights.parent)
    with caplog.at_level(logging.WARNING, "segcli"):
        start(tmp_path / "out", dataset, str(weights))
    said = [record.getMessage() for record in caplog.records]
    assert any("knows blue, red by other ids than the dataset" in line and "label.txt" in line for line in said)
    assert any("whose licence is: non-commercial (NVIDIA)" in line for line in said)
    assert ModelCard.beside(tmp_path / "out" / "iter_1" / "model.pdparams").licence == "non-commercial (NVIDIA)"


def test_official_weights_are_known_by_their_names(tmp_path):
    spec = get_spec("SegFormer-B0")
    names = [name for name in official_names(spec) if name.endswith(".pdparams")]
    assert names and {licence_of(tmp_path / name, spec) for name in names} == {"non-commercial (NVIDIA)"}
    fetched = [cached_name(url) for url in spec.weights.values()]
    assert fetched and {licence_of(tmp_path / name, spec) for name in fetched} == {"non-commercial (NVIDIA)"}
    assert licence_of(tmp_path / "mine.pdparams", spec) == ""
    assert restricts("non-commercial (NVIDIA)") and not restricts("Apache-2.0") and not restricts("")


def test_classes_that_moved():
    assert moved_classes(("a", "b", "c"), ("a", "c", "b")) == ["b", "c"]
    assert moved_classes(("a", "b"), ("a", "b")) == moved_classes(("a", "b"), ("b", "a", "c")) == []
