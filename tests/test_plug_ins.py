"""A package of another maker adds a runtime or a model by one file and one row: an entry point."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

RUNTIME = """
import numpy as np
from segcli.runtimes import RuntimeRow

ROW = RuntimeRow("echo", package="echo_runtime", module="echo_runtime", reads=(".echo",))


class Echo:
    name = "echo"

    def run(self, images):
        return images

    def run_named(self, inputs):
        return list(inputs.values())


def open_graph(graph, file, device, threads):
    return Echo()
"""

USE = """
from pathlib import Path
import numpy as np
from segcli.config.load import load_config
from segcli.inference.graphs import Graph
from segcli.inference.runtimes.open_graph import open_graph

Path("network.echo").touch()
runtime = open_graph(Graph(Path("network")), "echo")
print(runtime.name, runtime.run(np.ones((1, 3, 2, 2))).sum())
overrides = ["Global.model=PP-LiteSeg-T", "Global.mode=predict", "Predict.input=a.png", "Predict.runtime=echo"]
print(load_config(None, overrides).config.Predict.runtime)
"""


MODEL = """
import paddle


class OneConvolution(paddle.nn.Layer):
    def __init__(self, num_classes):
        super().__init__()
        self.convolution = paddle.nn.Conv2D(3, num_classes, 3, padding=1)

    def forward(self, image):
        return [self.convolution(image)]
"""

ROW = """
from segcli.models.spec import ModelSpec
from segcli.models.task import Task

SPEC = ModelSpec("Tiny-Conv", Task.SEMANTIC, {"type": "echo_network:OneConvolution"})
"""

BUILD = """
from segcli.models.names import MODEL_TASKS
from segcli.networks import build_network

print(MODEL_TASKS["Tiny-Conv"].value, list(build_network("Tiny-Conv", 4).convolution.weight.shape))
"""


def package(folder: Path, name: str, code: str, group: str, target: str) -> None:
    """What `pip install` leaves of a small package."""
    (folder / f"{name}.py").write_text(code, encoding="utf-8")
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{group}]\necho = {name}:{target}\n", encoding="utf-8")


def run(code: str, folder: Path) -> str:
    """What a Python prints that has the package installed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_runtime_of_another_package(tmp_path: Path) -> None:
    package(tmp_path, "echo_runtime", RUNTIME, "segcli.runtimes", "ROW")
    assert run(USE, tmp_path).split() == ["echo", "12.0", "echo"]


def test_a_model_of_another_package(tmp_path: Path) -> None:
    package(tmp_path, "echo_model", ROW, "segcli.models", "SPEC")
    (tmp_path / "echo_network.py").write_text(MODEL, encoding="utf-8")
    assert run(BUILD, tmp_path).split("\n")[0] == "semantic_segmentation [4, 3, 3, 3]"
