"""Real photographs with human labels: converted, learnt from nothing in a stated CPU budget, measured, exported."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from segcli.config.load import from_values
from segcli.config.schema import Config
from segcli.steps.check.command import check_dataset
from segcli.steps.evaluate.command import evaluate
from segcli.steps.export.command import export
from segcli.steps.predict.command import predict
from segcli.steps.train.command import train

FLIPS = [
    {"type": "RandomPaddingCrop", "crop_size": [256, 256]},
    {"type": "RandomHorizontalFlip"},
    {"type": "RandomVerticalFlip", "prob": 0.5},
    {"type": "Normalize"},
]
ADAMW = {"type": "AdamW", "weight_decay": 0.01}


@dataclass(frozen=True)
class Budget:
    """How long a model is trained and what it must reach.

    Attributes:
        iterations: Iterations of 4 crops of 256 x 256 pixels.
        learning_rate: At their begin; it falls to 0.
        cpu_seconds: Most CPU time of the training, evaluations included: about twice the measured one.
    """

    iterations: int
    learning_rate: float
    cpu_seconds: float


FLOOR = 0.85
"""Least mIoU on the 11 validation images."""

BUDGETS = {"PP-LiteSeg-T": Budget(320, 0.002, 700), "SegFormer-B0": Budget(240, 0.001, 900)}
"""Measured on one core, beside other work: PP-LiteSeg-T reaches 0.939 in 280 CPU-seconds, SegFormer-B0 0.954 in 406."""


def configure(model: str, dataset: Path, output: Path, **sections: dict[str, object]) -> Config:
    """A configuration as a user's YAML gives it."""
    place = {"model": model, "dataset_dir": str(dataset), "output": str(output)}
    values = {
        f"{section}.{key}": value
        for section, keys in {"Global": place, **sections}.items()
        for key, value in keys.items()
    }
    return from_values(values).config


@pytest.mark.slow
@pytest.mark.parametrize("model", BUDGETS)
def test_labelme_images_are_learnt(model, shared, tmp_path):
    dataset = tmp_path / "data"
    shutil.copytree(shared("data/LABELME_SEG"), dataset, copy_function=shutil.copyfile)
    dataset.chmod(0o755)
    (dataset / "labelme").chmod(0o755)
    output = tmp_path / "output"
    checked = check_dataset(
        configure(model, dataset, output, CheckDataset={"convert.enable": True, "convert.src_dataset_type": "LabelMe"})
    )
    assert checked.valid

    budget = BUDGETS[model]
    begin = time.process_time()
    trained = train(
        configure(
            model,
            dataset,
            output,
            Train={
                "epochs_iters": budget.iterations,
                "batch_size": 4,
                "eval_interval": 80,
                "learning_rate": budget.learning_rate,
                "optimizer": ADAMW,
                "transforms": FLIPS,
            },
        )
    )
    spent = time.process_time() - begin
    assert spent < budget.cpu_seconds
    assert trained.best_score >= FLOOR

    weights = trained.models["best"]["pdparams"]
    by_weights = evaluate(configure(model, dataset, output, Evaluate={"weight_path": weights, "runtime": "paddle"}))
    export(configure(model, dataset, output, Export={"weight_path": weights}))
    by_export = evaluate(
        configure(model, dataset, output, Evaluate={"weight_path": str(Path(weights).parent / "inference")})
    )
    scores = [result.as_dict()["metrics"]["mIoU"] for result in (by_weights, by_export)]
    assert scores == pytest.approx([trained.best_score] * 2, abs=1e-4)

    predicted = predict(
        configure(
            model,
            dataset,
            output,
            Predict={"model_dir": str(Path(weights).parent / "inference"), "input": str(dataset / "images" / "0.png")},
        )
    )
    assert not predicted.failed
    assert Path(predicted.predicted[0].files["label_map"]).is_file()
