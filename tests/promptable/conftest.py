"""Weight files of the two tiny promptable networks with random weights."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest

from segcli.networks import build_network
from segcli.steps.train.checkpoint import network_arrays
from segcli.weights.files import write_pdparams


def make_weights(folder: Path, name: str) -> Path:
    """A weight file of a network with random weights."""
    paddle.seed(3)
    path = folder / f"{name}.pdparams"
    write_pdparams(path, network_arrays(build_network(name)))
    return path


@pytest.fixture(scope="session")
def sam_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_weights(tmp_path_factory.mktemp("sam"), "SAM-tiny")


@pytest.fixture(scope="session")
def lseg_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_weights(tmp_path_factory.mktemp("lseg"), "LSeg-tiny")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two images of different sizes."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number, size in enumerate([(90, 120), (160, 80)]):
        noise = np.random.default_rng(number).integers(0, 256, (6, 8, 3), np.uint8)
        cv2.imwrite(str(folder / f"p{number}.png"), cv2.resize(noise, size[::-1]))
    return folder
