"""The main job as a user types it: LabelMe images in, a trained, measured, exported model and predictions out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from segcli.steps.demo.command import make_demo

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIG = REPOSITORY / "configs" / "semantic_segmentation" / "PP-LiteSeg-T.yaml"


def main(folder: Path, mode: str, *overrides: str, code: int = 0) -> dict:
    """Runs main.py in `folder` and returns the result file."""
    settings = [f"Global.mode={mode}", "Global.dataset_dir=data", "Global.output=output", *overrides]
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "main.py"), "-c", str(CONFIG), "-o", *settings],
        cwd=folder,
        env={
            "PYTHONPATH": str(REPOSITORY),
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder / "home"),
            "SEGCLI_OFFLINE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return json.loads((folder / "output" / f"{mode}_result.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    (folder / "home").mkdir()
    make_demo(folder / "data", images=12, size=(96, 96))
    return folder


def test_from_labelme_to_predictions(workplace):
    checked = main(
        workplace,
        "check_dataset",
        "CheckDataset.convert.enable=True",
        "CheckDataset.convert.src_dataset_type=LabelMe",
        "CheckDataset.split.enable=True",
        "CheckDataset.split.train_percent=75",
        "CheckDataset.split.val_percent=25",
    )
    assert checked["done_flag"]
    assert checked["check_pass"]
    assert (checked["attributes"]["train_samples"], checked["attributes"]["val_samples"]) == (9, 3)

    trained = main(
        workplace,
        "train",
        "Train.epochs_iters=4",
        "Train.eval_interval=2",
        "Train.batch_size=2",
        "Train.crop_size=[64, 64]",
    )
    assert trained["class_names"] == ["_background_", "leaf", "tile", "coin"]
    best = trained["models"]["best"]
    assert all((workplace / "output" / path).exists() for key, path in best.items() if key != "score")

    measured = main(workplace, "evaluate", f"Evaluate.weight_path=output/{best['pdparams']}")
    assert measured["metrics"]["mIoU"] == pytest.approx(best["score"], abs=1e-4)

    exported = main(workplace, "export", f"Export.weight_path=output/{best['pdparams']}")
    assert exported["done_flag"]

    predicted = main(workplace, "predict", "Predict.input=data/images")
    assert predicted["done_flag"]
    label_maps = sorted((workplace / "output").rglob("*.png"))
    assert any(cv2.imread(str(path)).shape == (96, 96, 3) for path in label_maps)


def test_a_wrong_dataset_ends_in_three(tmp_path):
    (tmp_path / "data" / "images").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "data" / "images" / "a.png"), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "data" / "train.txt").write_text("images/a.png images/none.png\n")
    (tmp_path / "data" / "val.txt").write_text("images/gone.png images/none.png\n")
    result = main(tmp_path, "check_dataset", code=3)
    assert not result["done_flag"] or not result["check_pass"]
    assert {"S201", "S202"} <= {found["code"] for found in result["findings"]}
