"""Short trainings of small networks, measured as runs of a comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from segcli.config.load import from_values
from segcli.config.recipe import with_recipe
from segcli.config.schema import Config
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.formats.masks import open_seg_dataset
from segcli.data.loading import load
from segcli.data.samples import SegSample
from segcli.engine import TrainingSession
from segcli.engines.paddledet.inference import ArrayForward
from segcli.engines.paddleseg.session import network_forward
from segcli.inference.augmented_objects import ObjectViews
from segcli.inference.decode_objects import ObjectFinder
from segcli.metrics.comparison import Run
from segcli.metrics.instance_intervals import instance_replicates
from segcli.metrics.instance_measure import measure as measure_objects
from segcli.metrics.semantic_measure import measure as measure_labels
from segcli.metrics.semantic_report import semantic_replicates
from segcli.models.instance.table import SIZED
from segcli.models.table import get_spec
from segcli.tasks import engine_of

REPLICATES = 1000
OBJECTS_MODEL = "SeedUNet-S"
DRAWN_SIDE = 32


@dataclass(frozen=True)
class Kind:
    """What is learnt.

    Attributes:
        model: Name of the network.
        score: Name of the number that is compared.
        values: Settings of the training, besides its length.
        measured: Measures a trained network on the validation split of a dataset.
        sized: Settings for the side of the input in pixels and the images to learn from.
    """

    model: str
    score: str
    values: dict[str, Any]
    measured: Callable[[TrainingSession, Path, str], Run]
    sized: Callable[[int, int], dict[str, Any]]


def trained(kind: Kind, data: Path, seed: int, epochs: int) -> Run:
    """Trains one network and measures it."""
    import paddle

    paddle.seed(seed)
    values = {"Train.plan": "off", "Train.epochs_iters": epochs, "Train.batch_size": 4, "Global.device": "cpu"}
    about = {"Global.model": kind.model, "Global.dataset_dir": str(data), "Global.seed": seed}
    config: Config = with_recipe(from_values({**about, **values, **kind.values}).config)
    spec = get_spec(kind.model)
    session = engine_of(spec.task).open_training(spec, config)
    for batch in session.batches(0):
        session.losses(batch)["loss"].backward()
        session.optimizer.step()
        session.optimizer.clear_grad()
        if hasattr(session.optimizer._learning_rate, "step"):
            session.optimizer._learning_rate.step()
    session.network.eval()
    return kind.measured(session, data, f"{epochs} epochs or iterations, seed {seed}")


def _labels(session: TrainingSession, data: Path, name: str) -> Run:
    dataset = open_seg_dataset(data)
    report = measure_labels(network_forward(session.network), dataset.val, dataset.classes, session.preprocess)
    replicates = semantic_replicates(report.counts, "exclude", REPLICATES)
    return Run(name, report.totals(), report.per_class(), replicates)


def _objects(session: TrainingSession, data: Path, name: str) -> Run:
    dataset = open_instance_dataset(data)
    find = ObjectFinder(ArrayForward(session.network), SIZED[OBJECTS_MODEL].masks)
    report = measure_objects(find, dataset.val, dataset.classes, ObjectViews(session.preprocess))
    values = report.as_dict()["mask"]
    by_class = {name: report.mask_by_class[name].as_dict(report.limits.max_detections) for name in dataset.classes}
    return Run(name, {"AP": values["AP"]}, by_class, instance_replicates(report, REPLICATES))


KINDS = {
    "labels": Kind(
        "UNet-S",
        "mIoU",
        {
            "Train.learning_rate": 0.02,
            "Train.transforms": [{"type": "RandomHorizontalFlip"}, {"type": "Normalize"}],
        },
        _labels,
        lambda side, images: {},  # the images are small, and so many
    ),
    "objects": Kind(
        OBJECTS_MODEL,
        "AP",
        {},
        _objects,
        lambda side, images: {"Train.input_size": side, "Train.images_per_epoch": images},
    ),
}


def draw_dataset(root: Path, train: int, val: int) -> Path:
    """Discs and squares of nearly the background's grey under noise."""
    rng = np.random.default_rng(0)
    images = []
    for _ in range(train + val):
        mask = np.zeros((DRAWN_SIDE, DRAWN_SIDE), np.uint8)
        x, y, u, v = (int(value) for value in rng.integers(6, DRAWN_SIDE - 6, 4))
        cv2.circle(mask, (x, y), int(rng.integers(3, 8)), 1, -1)
        cv2.rectangle(mask, (u - 4, v - 4), (u + 4, v + 4), 2, -1)
        grey = np.array([110, 128, 146])[mask] + rng.normal(0, rng.uniform(10, 40), mask.shape)
        images.append((np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2), mask))
    return _write(root, images, train, ("ground", "disc", "square"))


def shrunk_dataset(source: Path, root: Path, side: int, train: int) -> Path:
    """The images and masks of a dataset as small squares, the first `train` of them to learn from."""
    dataset = open_seg_dataset(source)

    def small(sample: SegSample) -> tuple[Any, Any]:
        loaded = load(sample)
        return (
            cv2.resize(loaded.rgb[:, :, ::-1], (side, side), interpolation=cv2.INTER_AREA),
            cv2.resize(loaded.mask, (side, side), interpolation=cv2.INTER_NEAREST),
        )

    samples = sorted((*dataset.train, *dataset.val), key=lambda one: one.image.name)
    return _write(root, [small(one) for one in samples], train, dataset.classes.names)


def _write(root: Path, images: list[tuple[Any, Any]], train: int, names: tuple[str, ...]) -> Path:
    for folder in ("images", "annotations"):
        (root / folder).mkdir(parents=True)
    for number, pair in enumerate(images):
        for folder, pixels in zip(("images", "annotations"), pair, strict=True):
            cv2.imwrite(str(root / folder / f"{number}.png"), pixels)
    lines = [f"images/{number}.png annotations/{number}.png\n" for number in range(len(images))]
    (root / "train.txt").write_text("".join(lines[:train]))
    (root / "val.txt").write_text("".join(lines[train:]))
    (root / "class_name_to_id.txt").write_text("".join(f"{place}: {name}\n" for place, name in enumerate(names)))
    return root
