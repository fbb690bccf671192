"""Weight files of the two tiny promptable networks with random weights."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.promptable_weights import promptable_weights


@pytest.fixture(scope="session")
def sam_weights() -> Path:
    return promptable_weights("SAM-tiny")


@pytest.fixture(scope="session")
def lseg_weights() -> Path:
    return promptable_weights("LSeg-tiny")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two images of different sizes."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number, size in enumerate([(90, 120), (160, 80)]):
        noise = np.random.default_rng(number).integers(0, 256, (6, 8, 3), np.uint8)
        cv2.imwrite(str(folder / f"p{number}.png"), cv2.resize(noise, size[::-1]))
    return folder
