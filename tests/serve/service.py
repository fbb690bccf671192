"""A service that runs in a thread of the test, and small requests for it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import cv2
import numpy as np
import yaml

from segcli.serve.run import Running, serve
from segcli.serve.settings import ServeSettings
from tests.promptable_weights import promptable_weights
from tests.trained_instance import trained_instance_run
from tests.trained_model import trained_run

HEIGHT, WIDTH = 48, 64


@contextmanager
def running(*pipelines: Any, **settings: Any) -> Iterator[Running]:
    """Serves on a free port until the block ends."""
    import paddle  # noqa: F401 - its first import belongs to the main thread, for the tests that follow

    ready: Queue[Any] = Queue()
    options = {"options": {"runtime": "paddle"}, "reload_seconds": 0, "streams": 1, **settings}

    def work() -> None:
        try:
            serve(ServeSettings(tuple(map(str, pipelines)), port=0, **options), ready.put)
        except Exception as error:
            ready.put(error)

    thread = Thread(target=work)
    thread.start()
    found = ready.get(timeout=600)
    if isinstance(found, Exception):
        raise found
    try:
        yield found
    finally:
        found.stop()
        thread.join(timeout=60)


def semantic_folder() -> Path:
    return trained_run() / "run/best_model/inference"


def instance_folder() -> Path:
    return trained_instance_run() / "run/best_model/inference"


def promptable_yaml(folder: Path, pipeline: str) -> Path:
    """A pipeline's YAML with one of the tiny networks."""
    keys, name = {
        "open_vocabulary_segmentation": (("BoxPromptSegmentation", "PointPromptSegmentation"), "SAM-tiny"),
        "text_driven_segmentation": (("TextPromptSegmentation",), "LSeg-tiny"),
    }[pipeline]
    entry = {"model_name": name, "model_dir": str(promptable_weights(name))}
    path = folder / f"{pipeline}.yaml"
    path.write_text(
        yaml.safe_dump({"pipeline_name": pipeline, "SubModules": {key: dict(entry) for key in keys}}), encoding="utf-8"
    )
    return path


def make_rgb(seed: int = 0, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """An image, RGB."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(noise, (width, height))


def png(rgb: np.ndarray) -> bytes:
    return cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def image_text(seed: int = 0, **size: int) -> str:
    return base64_of(png(make_rgb(seed, **size)))
