"""PaddleX itself loads what segcli exports; needs a Python of an environment of its own with PaddleX 3.7.2."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from segcli.steps.predict.model import create_model
from tests.trained_model import MODEL, trained_run

VARIABLE = "SEGCLI_PADDLEX_PYTHON"

PROGRAM = """
import sys
import numpy as np
from paddlex import create_model

name, folder, target, *images = sys.argv[1:]
model = create_model(name, model_dir=folder)
maps = [result["pred"][0] for result in model.predict(images)]
batch = [result["pred"][0] for result in model.predict(images, batch_size=2)]
np.savez(target, *maps, *batch)
"""


@pytest.mark.slow
def test_paddlex_loads_the_export_and_gives_the_same_labels(tmp_path):
    python = os.environ.get(VARIABLE)
    if not python:
        pytest.skip(f"{VARIABLE} names no Python with PaddleX 3.7.2")
    run = trained_run()
    folder = run / "run/best_model/inference"
    images = sorted(map(str, Path(run / "data/images").glob("val_*.png")))
    # Paddle 3.3.1's default oneDNN fails on every model, PaddleX's own exports included (Paddle issue 77340)
    environment = {**os.environ, "PADDLE_PDX_ENABLE_MKLDNN_BYDEFAULT": "False"}
    command = [python, "-c", PROGRAM, MODEL, str(folder), str(tmp_path / "maps.npz"), *images]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = list(np.load(tmp_path / "maps.npz").values())
    ours = [result["pred"][0] for result in create_model(MODEL, folder, runtime="paddle").predict(images)]
    assert len(theirs) == 2 * len(ours) == 6
    for index, labels in enumerate(theirs):
        assert (labels == ours[index % len(ours)]).mean() > 0.9999
