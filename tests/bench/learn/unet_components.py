"""The reference U-Net on objects: trained on painted label maps, objects are the connected parts of each class.

``python -m tests.bench.unet_components REFERENCE.py COCO_FOLDER MASK_FOLDER unet SIDE BATCH ITERATIONS``
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from segcli.data import rle
from segcli.data.detections import Detections
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.image import read_image
from segcli.data.instances import CocoDataset
from segcli.metrics.mask_ap import MaskAP

_SMALLEST_PX = 8


def paint(dataset: CocoDataset, folder: Path) -> None:
    """A SegDataset in which smaller objects lie on larger ones."""
    (folder / "masks").mkdir(parents=True)
    (folder / "images").symlink_to((dataset.root / "images").resolve())
    for part, samples in (("train", dataset.train), ("val", dataset.val)):
        lines = []
        for sample in samples:
            mask = np.zeros((sample.height, sample.width), np.uint8)
            for one in sorted(sample.objects, key=lambda one: -one.area_px):
                mask[rle.decode(one.to_rle(sample.height, sample.width)) > 0] = one.class_id + 1
            name = f"masks/{sample.image.stem}.png"
            cv2.imwrite(str(folder / name), mask)
            lines.append(f"{sample.image.relative_to(dataset.root)} {name}\n")
        (folder / f"{part}.txt").write_text("".join(lines))


def components(logits: np.ndarray[Any, Any]) -> Detections:
    """Objects of logits [1 + classes, H, W]; a score is the mean probability."""
    spread = np.exp(logits - logits.max(axis=0))
    probability = spread / spread.sum(axis=0)
    labels = probability.argmax(axis=0)
    scores, classes, masks = [], [], []
    for class_id in range(1, len(logits)):
        count, parts = cv2.connectedComponents((labels == class_id).astype(np.uint8), connectivity=8)
        for number in range(1, count):
            inside = parts == number
            if inside.sum() >= _SMALLEST_PX:
                scores.append(probability[class_id][inside].mean())
                classes.append(class_id - 1)
                masks.append(rle.encode(inside))
    return Detections(np.array(scores), np.array(classes, np.int64), tuple(masks))


def main(reference: str, data: str, masks: str, *arguments: str) -> None:
    """Trains, measures and prints."""
    import paddle

    dataset = open_instance_dataset(Path(data))
    paint(dataset, Path(masks))
    sys.argv = [reference, masks, *arguments, str(len(dataset.classes) + 1), "0.003", "dfq"]
    trained = runpy.run_path(reference)
    network, prepare = trained["net"], trained["prep"]
    network.eval()
    measured = MaskAP(dataset.classes)
    with paddle.no_grad():
        for sample in dataset.val:
            image = np.ascontiguousarray(read_image(sample.image)[..., ::-1])
            output = network(paddle.to_tensor(prepare(image)[None]))[0].numpy()[0]
            logits = np.stack([cv2.resize(plane, (sample.width, sample.height)) for plane in output])
            measured.update(sample, components(logits))
    print(f"mask AP {measured.compute().score:.4f}")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
