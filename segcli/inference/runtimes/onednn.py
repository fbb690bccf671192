"""Whether Paddle can place operators on oneDNN, which depends on its version; found out once per version.

Paddle 3.3.1's placement pass fails on every network with "ConvertPirAttribute2RuntimeAttribute not support" (Paddle
issue 79749); versions before and after it may do better. A version that is not known here runs a small network with
oneDNN and without it, in a process of its own; the answer is kept in the cache.
"""

from __future__ import annotations

import json
import logging
import platform
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from segcli.children import child_environment
from segcli.data.files import write_json_atomic
from segcli.weights.cache import cache_folder

log = logging.getLogger("segcli.predict")

PLACEMENT_PASS = "onednn_placement_pass"
FILE = "onednn.json"
"""Verdicts in the cache, by version and processor."""
_KNOWN = {"3.3.1": False}
_SECONDS = 300
_TOLERANCE = 1e-4
_FROM_OUTSIDE = (1, 2, 9, 15)
"""Signals that say nothing about oneDNN: hang-up, Ctrl-C, kill, terminate. Windows has no names for all of them."""


@cache
def can_place(version: str) -> bool:
    """Whether the placement pass of this version of Paddle, which is the installed one, works."""
    if version in _KNOWN:
        return _KNOWN[version]
    file, key = cache_folder() / FILE, f"{version} {platform.machine()}"
    kept: dict[str, bool] = {}
    with suppress(OSError, ValueError, TypeError):
        kept = dict(json.loads(file.read_text(encoding="utf-8")))
    if key not in kept:
        found = probe()
        if found is None:
            log.info("the trial of oneDNN was ended from outside; it is repeated at the next start")
            return False
        kept[key] = found
        log.info("Paddle %s %s oneDNN's placement of operators", version, "runs" if found else "fails at")
        with suppress(OSError):
            write_json_atomic(file, kept)
    return kept[key]


def probe() -> bool | None:
    """Runs a small network with oneDNN and without it, in another process, which may crash or hang.

    Returns:
        Whether it works; None if the process was ended from outside, for instance for lack of memory.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "segcli.inference.runtimes.onednn", folder]
        try:
            done = subprocess.run(command, env=child_environment(), capture_output=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return False
    return None if -done.returncode in _FROM_OUTSIDE else done.returncode == 0


def _agrees(folder: Path) -> bool:
    """Whether a network of the operators that segmentation uses gives the same with oneDNN and without it.

    Args:
        folder: An empty folder for its files.
    """
    import paddle
    from paddle import nn

    paddle.seed(0)
    network = nn.Sequential(
        nn.Conv2D(3, 8, 3, padding=1),
        nn.BatchNorm2D(8),
        nn.Hardswish(),
        nn.MaxPool2D(2),
        nn.Conv2D(8, 8, 3, padding=1, groups=8),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Conv2D(8, 4, 1),
    )
    network.eval()
    image = np.random.default_rng(0).standard_normal((1, 3, 32, 32)).astype(np.float32)
    stem = folder / "probe"
    paddle.jit.save(network, str(stem), input_spec=[paddle.static.InputSpec([None, 3, None, None], "float32")])
    fast, plain = (_answer(stem, image, onednn=onednn) for onednn in (True, False))
    return bool(np.abs(fast - plain).max() <= _TOLERANCE * max(1.0, float(np.abs(plain).max())))


def _answer(stem: Path, image: Any, *, onednn: bool) -> Any:
    from paddle import inference

    config = inference.Config(f"{stem}.json", f"{stem}.pdiparams")
    config.disable_gpu()
    config.disable_glog_info()
    config.enable_new_ir(True)
    config.enable_new_executor(True)
    (config.enable_mkldnn if onednn else config.disable_mkldnn)()
    predictor = inference.create_predictor(config)
    predictor.get_input_handle(predictor.get_input_names()[0]).copy_from_cpu(image)
    predictor.run()
    return predictor.get_output_handle(predictor.get_output_names()[0]).copy_to_cpu()


if __name__ == "__main__":
    sys.exit(0 if _agrees(Path(sys.argv[1])) else 1)
