"""What a second core gains in training and prediction: wall time of processes that may use one core, or two.

The rows tell something only on a machine with nothing else at work.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from segcli.cores import available_cores
from segcli.steps.export.command import export_weights
from tests.bench.bench_predict import CLASSES, write_images
from tests.bench.cores import BIND, row
from tests.bench.table import Row
from tests.trained_model import MODEL, make_config, save_weights

MODELS = ("UNet-S", "PP-LiteSeg-T", "SegFormer-B0")
TRAINING_BAR, PREDICTION_BAR = 1.15, 1.3
"""Paddle computes many operators, such as sums and activations, on one core."""
ITERATIONS = 6

TRAIN = f"""
{BIND}
import time
from segcli.cpu import prepare_cpu
from tests.bench.one_batch import OneBatch
prepare_cpu()
batch = OneBatch(images=2, side_px=512, classes=19, learning_rate=0.0001)
print("SECONDS", batch.fastest(sys.argv[2], int(sys.argv[3]), time.perf_counter))
"""
PREDICT = f"""
{BIND}
from pathlib import Path
from segcli.steps.predict.command import predict
from tests.trained_model import make_config
folder = Path(sys.argv[2])
settings = {{"model_dir": str(folder / "inference"), "input": str(folder / "images"), "runtime": "onnxruntime"}}
config = make_config(folder / "out", Predict=settings)
print("SECONDS", min(1 / predict(config).images_per_second for _ in range(3)))
"""


def run() -> list[Row]:
    """Wall time of a training iteration of 2 x 512 px, and of a predicted image of 512 x 1024 px."""
    if available_cores() == 1:
        return []
    rows = [row(f"training iteration of {name}", TRAIN, TRAINING_BAR, name, ITERATIONS) for name in MODELS]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = save_weights(folder / "best_model", names=CLASSES)
        export_weights(weights, folder / "inference", make_config(folder, Export={"verify": False}))
        write_images(folder / "images")
        rows.append(row(f"image predicted by {MODEL} on onnxruntime", PREDICT, PREDICTION_BAR, folder))
    return rows
