"""The large promptable networks whole: built, run and exported once, equal on every runtime.

Each takes minutes, gigabytes of memory and of the temporary folder, and is left out where these are not free.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from segcli.runtimes import runtimes
from segcli.steps.export.command import export
from segcli.steps.predict.command import predict
from tests.promptable_weights import promptable_weights
from tests.steps.export.test_promptable import config

MISSING = [name for name in ("paddle2onnx", "onnx", "onnxruntime") if find_spec(name) is None]
LIMIT_BYTES = 2 << 30
"""Most that one ONNX file can hold."""
GIGABYTES = {"LSeg-L": 9, "SAM-L": 10, "SAM-H": 20}
"""Memory that must be free: about 1.3 times what was measured."""
PROMPTS = {
    "LSeg-L": {"text_prompt": ["bear"]},
    "SAM-L": {"box_prompt": [[100, 80, 400, 300]]},
    "SAM-H": {"point_prompt": [[320, 240]]},
}


def free_gigabytes() -> float:
    """Memory that a new program can have."""
    lines = Path("/proc/meminfo").read_text().splitlines() if Path("/proc/meminfo").is_file() else []
    return sum(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 1e6


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
@pytest.mark.parametrize("model", GIGABYTES)
def test_a_large_network_is_exported_whole(model: str, tmp_path: Path) -> None:
    """Measured: LSeg-L 279 CPU-seconds and 6.7 GB at most, SAM-L 325 and 7.6, SAM-H 497 and 15.54.

    Both halves are within 1e-5 on each runtime; the encoder of SAM-H is cut into two files.
    """
    if free_gigabytes() < GIGABYTES[model] or shutil.disk_usage(tmp_path).free < 10e9:
        pytest.skip(f"{model} needs {GIGABYTES[model]} GB of memory and 10 GB of the temporary folder")
    weights, image = promptable_weights(model), tmp_path / "image.png"
    cv2.imwrite(str(image), np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8))
    asked: dict[str, Any] = {"Predict__input": str(image), "Export__formats": ["onnx"]}

    result = export(config(model, weights, tmp_path, **asked)).as_dict()

    able = {row.name for row in runtimes().values() if row.is_installed}
    assert len(result["parity"]) == 2 * len(able)
    assert {entry["runtime"] for entry in result["parity"]} == able
    assert max(entry["max_rel_diff"] for entry in result["parity"]) <= 1e-4
    assert all(0 < Path(file).stat().st_size < LIMIT_BYTES for file in result["files"].values())
    exported = {"Predict__input": str(image), "Predict__model_dir": result["model_dir"]}
    answered = predict(config(model, weights, tmp_path / "out", "predict", **exported, Predict__prompts=PROMPTS[model]))
    assert answered.runtime in able - {"paddle"}
    assert not answered.failed
    shutil.rmtree(tmp_path)
