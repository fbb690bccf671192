"""Every semantic model does the whole job: train from random weights, evaluate, export with its comparison, predict."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest

from segcli.config.input_size import fixed_size
from segcli.data.image import read_mask
from segcli.models.semantic.table import SEMANTIC_MODELS
from segcli.models.table import get_spec
from segcli.steps.evaluate.command import evaluate
from segcli.steps.export.command import export
from segcli.steps.predict.command import predict
from segcli.steps.train.command import train
from tests.images import make_seg_dataset
from tests.trained_model import make_config

NAMES = tuple(spec.name for spec in SEMANTIC_MODELS)
QUICK = ("PP-LiteSeg-T", "SeaFormer_tiny", "SegFormer-B0", "UNet-S")
SIZE_PX = 64
FIXED = ("MaskFormer_tiny", "MaskFormer_small")
"""Models whose input has one size, of 512 px unless another is configured."""
TRAIN = {"epochs_iters": 2, "eval_interval": 2, "batch_size": 2, "crop_size": (SIZE_PX, SIZE_PX), "export_best": False}


def cases() -> list[object]:
    return [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in NAMES]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_seg_dataset(tmp_path_factory.mktemp("models") / "data", train=4, val=2, size=SIZE_PX)


@pytest.fixture(autouse=True)
def memory():
    """A large network goes before the next one comes."""
    yield
    gc.collect()


def test_the_quick_ones_are_of_the_table():
    assert set(QUICK) < set(NAMES)


@pytest.mark.parametrize("name", cases())
def test_the_whole_job(name, dataset, tmp_path):
    shape = (1, 3, SIZE_PX, SIZE_PX) if name in FIXED else None

    def configured(**sections):
        return make_config(tmp_path, dataset, model=name, **{"Train": {**TRAIN, "input_shape": shape}, **sections})

    trained = train(configured())
    assert trained.iterations == 2
    assert np.isfinite(trained.best_score)

    by_weights = evaluate(configured(Evaluate={"runtime": "paddle"})).report
    assert by_weights.matrix.sum() == 2 * SIZE_PX**2
    assert by_weights.miou == pytest.approx(trained.best_score, abs=1e-9)

    exported = export(configured())
    labels, logits, *_forms = exported.parity
    assert labels.label_agreement >= 0.999
    assert logits.max_rel_diff <= 1e-3
    assert logits.images == 3

    folder = str(exported.folder)
    by_export = evaluate(configured(Evaluate={"weight_path": folder})).report
    assert by_export.miou == pytest.approx(by_weights.miou, abs=1e-3)
    # of 8192 pixels, those whose two best classes tie may fall to either side
    assert np.abs(by_export.matrix.astype(int) - by_weights.matrix.astype(int)).sum() <= 8

    predicted = predict(configured(Predict={"model_dir": folder, "input": str(dataset / "images" / "val_0.png")}))
    assert not predicted.failed
    label_map = read_mask(Path(predicted.predicted[0].files["label_map"]))
    assert label_map.shape == (SIZE_PX, SIZE_PX)
    assert set(np.unique(label_map)) <= {0, 1, 2}


def test_a_fixed_input_holds_for_weights_and_export_alike(dataset, tmp_path):
    """The input shape that the exported model will have is what the trained weights are measured with."""
    shape = (1, 3, 96, 128)
    sections = {"Train": {**TRAIN, "input_shape": (1, 3, 32, 32)}, "Export": {"input_shape": shape}}

    def configured(**others):
        return make_config(tmp_path, dataset, model="SeaFormer_tiny", **sections, **others)

    trained = train(configured())
    by_weights = evaluate(configured(Evaluate={"runtime": "paddle"})).report
    assert by_weights.miou == pytest.approx(trained.best_score, abs=1e-9)
    exported = export(configured())
    assert exported.input_shape == shape
    by_export = evaluate(configured(Evaluate={"weight_path": str(exported.folder)})).report
    assert np.abs(by_export.matrix.astype(int) - by_weights.matrix.astype(int)).sum() <= 8


@pytest.mark.parametrize(
    ("name", "sections", "size"),
    [
        ("PP-LiteSeg-T", {}, None),
        ("PP-LiteSeg-T", {"Train": {"input_shape": (1, 3, 256, 320)}}, (256, 320)),
        ("SeaFormer_tiny", {"Export": {"input_shape": (1, 3, -1, -1)}}, None),
        # its images keep their ratio, whatever the input of the exported model is
        ("MaskFormer_tiny", {}, None),
        ("MaskFormer_tiny", {"Train": {"input_shape": (-1, 3, 256, 320)}}, None),
    ],
)
def test_the_size_comes_from_the_configuration_before_the_model(name, sections, size, tmp_path):
    assert fixed_size(get_spec(name), make_config(tmp_path, model=name, **sections)) == size
