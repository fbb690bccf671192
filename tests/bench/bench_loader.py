"""Training images per second and core: ours against the same images through the libraries' transforms."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from segcli.data.decoded_cache import DecodedCache
from segcli.data.image import read_image, read_mask
from segcli.data.samples import SegSample
from segcli.data.sampling import SampleOrder, seed_augmentation
from tests.bench.table import Row

CASES = (
    ("2048x1024 PNG", 2048, 1024, "png", (1024, 512)),
    ("2048x1024 JPEG", 2048, 1024, "jpg", (1024, 512)),
    ("1280x720 JPEG", 1280, 720, "jpg", (512, 512)),
)
CLASSES = 19
POSITIONS = 24
OBJECTS = 30


def _scene(width: int, height: int) -> np.ndarray[Any, Any]:
    """Soft colours with the noise of a camera, so that files have the size of photographs."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (height // 32, width // 32, 3), np.uint8)
    soft = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(int)
    return np.clip(soft + rng.integers(-6, 7, soft.shape), 0, 255).astype(np.uint8)


def _sample(folder: Path, width: int, height: int, suffix: str) -> SegSample:
    image, mask = folder / f"{width}.{suffix}", folder / f"{width}_{suffix}.png"
    cv2.imwrite(str(image), _scene(width, height))
    blocks = np.random.default_rng(1).integers(0, CLASSES, (height // 64 + 1, width // 64 + 1), np.uint8)
    cv2.imwrite(str(mask), cv2.resize(blocks, (width, height), interpolation=cv2.INTER_NEAREST))
    return SegSample(str(image), str(mask), 1)


def images_per_second(make: Callable[[int], Any]) -> float:
    """By CPU time, after one image that warms up."""
    make(0)
    begin = time.process_time()
    for position in range(POSITIONS):
        make(position)
    return POSITIONS / (time.process_time() - begin)


def _semantic_rows(folder: Path) -> list[Row]:
    from segcli.engines.paddleseg.parts import build_transforms
    from segcli.engines.paddleseg.stream import SampleStream
    from segcli.models.semantic.recipes import standard_transforms

    rows = []
    for name, width, height, suffix, crop in CASES:
        sample, order = _sample(folder, width, height, suffix), SampleOrder(1, 1)
        transforms = build_transforms(standard_transforms(crop), num_classes=CLASSES)

        def theirs(position: int, sample: SegSample = sample, transforms: list[Any] = transforms) -> Any:
            seed_augmentation(SampleOrder(1, 1).seed_of(position))
            data: dict[str, Any] = {"img": read_image(sample.image).astype(np.float32), "trans_info": []}
            data.update(label=read_mask(sample.mask), gt_fields=["label"])
            for transform in transforms:
                data = transform(data)
            return np.ascontiguousarray(data["img"].transpose(2, 0, 1))

        before = images_per_second(theirs)
        kept = DecodedCache("disk", folder)
        ways = (("", None, 1.5), (", kept on disk", kept, 2.0)) if suffix == "png" else (("", None, 2.0),)
        for how, cache, bar in ways:
            ours = images_per_second(SampleStream([sample], transforms, order, cache=cache).__getitem__)
            rows.append(_row(f"load {name}{how}, images/s per core", ours, before, bar))
    return rows


def _solo_row(folder: Path) -> Row:
    from ppdet.data import transform as library

    from segcli.engines.paddledet import transforms as own
    from segcli.engines.paddledet.stream import InstanceStream, TrainingImage
    from segcli.models.instance.table import SIZED
    from tests.metrics.instances import blob

    width, height = 1280, 960
    cv2.imwrite(str(folder / "objects.jpg"), _scene(width, height))
    rng = np.random.default_rng(2)
    # blobs of 320 x 240 px, four times as large
    outlines = [
        [[4 * value for value in blob(rng, rng.uniform(0, 320), rng.uniform(0, 240), rng.uniform(3, 60))]]
        for _ in range(OBJECTS)
    ]
    corners = [(min(o[0][::2]), min(o[0][1::2]), max(o[0][::2]), max(o[0][1::2])) for o in outlines]
    image = TrainingImage(
        str(folder / "objects.jpg"), 1, np.array(corners, np.float32), np.zeros((OBJECTS, 1), np.int32), outlines
    )
    recipe = SIZED["SOLOv2"].recipe(800)

    def loader(build: Callable[[Any], Any]) -> Callable[[int], Any]:
        stream = InstanceStream([image], build(recipe.transforms), SampleOrder(1, 1))
        join = own.collate(build(recipe.batch_transforms), stacked=True)
        return lambda position: join([stream[position]])

    def theirs(recipes: Any) -> list[Any]:
        return [getattr(library, one["type"])(**{k: v for k, v in one.items() if k != "type"}) for one in recipes]

    ours = images_per_second(loader(own.build_transforms))
    return _row(f"load SOLOv2, {OBJECTS} objects, images/s per core", ours, images_per_second(loader(theirs)), 2.0)


def _row(name: str, ours: float, before: float, bar: float) -> Row:
    return Row(name, f"{ours:.1f}", f"{before:.1f} (library)", ours / before, bar)


def run() -> list[Row]:
    """Semantic images of three kinds, and SOLOv2's targets."""
    from segcli.engines.paddledet.importing import import_ppdet

    import_ppdet()
    with tempfile.TemporaryDirectory() as folder:
        return [*_semantic_rows(Path(folder)), _solo_row(Path(folder))]
