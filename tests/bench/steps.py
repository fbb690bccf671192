"""Training steps on generated inputs: a network of each family with random weights, and what computes its loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np

from segcli.cpu import without_views
from tests.bench.one_batch import OneBatch
from tests.paddles_operators import paddles_operators

OBJECTS = 20
Step = tuple[Any, Callable[[], Any]]
"""A network, and what computes its loss."""


def _objects(side: int, count: int, seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Ellipses as masks [n, side, side] uint8, and their boxes x1, y1, x2, y2 [n, 4] float32 in pixels."""
    rng = np.random.default_rng(seed)
    masks, boxes = np.zeros((count, side, side), np.uint8), np.zeros((count, 4), np.float32)
    for mask, box in zip(masks, boxes, strict=True):
        size = rng.integers(side // 16, side // 4, 2)
        box[:2] = rng.integers(0, side - size)
        box[2:] = box[:2] + size
        centre = (box[:2] + size // 2).astype(int).tolist()
        cv2.ellipse(mask, centre, (size // 2).tolist(), 0, 0, 360, 1, -1)
    return masks, boxes


def mask_rtdetr(*, side: int = 640, images: int = 2, objects: int = OBJECTS) -> Step:
    """Mask-RT-DETR-S on ellipses of three classes."""
    import paddle

    from segcli.engines.paddledet.networks import build_instance_network
    from segcli.models.instance.recipes import FROM_SCRATCH

    network = build_instance_network("Mask-RT-DETR-S", 3, side, overrides=FROM_SCRATCH)
    network.train()
    drawn = [_objects(side, objects, seed) for seed in range(images)]
    corners = [boxes.reshape(-1, 2, 2) / side for _, boxes in drawn]
    inputs = {
        "image": paddle.rand([images, 3, side, side]),
        "gt_class": [paddle.randint(0, 3, [objects, 1], dtype="int32") for _ in drawn],
        "gt_bbox": [paddle.to_tensor(np.concatenate([b.mean(1), b[:, 1] - b[:, 0]], axis=1)) for b in corners],
        "gt_segm": [paddle.to_tensor(masks) for masks, _ in drawn],
    }
    return network, lambda: network(inputs)["loss"]


def rcnn(name: str, *, side: int = 512, objects: int = 10) -> Step:
    """A model with features of boxes, on one image of objects that fill their boxes, of three classes."""
    import paddle

    from segcli.engines.paddledet.networks import build_instance_network
    from segcli.models.instance.recipes import FROM_SCRATCH

    network = build_instance_network(name, 3, side, overrides=FROM_SCRATCH)
    network.train()
    _, boxes = _objects(side, objects, 0)
    inputs = {
        "image": paddle.rand([1, 3, side, side]),
        "im_shape": paddle.full([1, 2], float(side)),
        "scale_factor": paddle.ones([1, 2]),
        "gt_class": [paddle.randint(0, 3, [objects, 1], dtype="int32")],
        "gt_bbox": [paddle.to_tensor(boxes)],
        "gt_poly": [[[[x1, y1, x2, y1, x2, y2, x1, y2]] for x1, y1, x2, y2 in boxes.tolist()]],
        "is_crowd": [paddle.zeros([objects, 1], "int32")],
    }
    return network, lambda: network(inputs)["loss"]


def pp_yoloe(*, side: int = 640, objects: int = 10) -> Step:
    """PP-YOLOE_seg-S on one image of ellipses of three classes."""
    import paddle

    from segcli.engines.paddledet.networks import build_instance_network

    network = build_instance_network("PP-YOLOE_seg-S", 3, side)
    masks, boxes = _objects(side, objects, 0)
    inputs = {
        "image": paddle.rand([1, 3, side, side]),
        "gt_class": [paddle.randint(0, 3, [objects, 1], dtype="int32")],
        "gt_bbox": [paddle.to_tensor(boxes)],
        "gt_segm": [paddle.to_tensor(masks)],
    }
    return network, lambda: network(inputs)["loss"]


def solo(*, side: int = 512, objects: int = 10) -> Step:
    """SOLOv2 on one image of ellipses of three classes."""
    import paddle

    from segcli.engines.paddledet.grid_targets import GridTargets
    from segcli.engines.paddledet.networks import build_instance_network
    from segcli.models.instance.recipes import FROM_SCRATCH

    network = build_instance_network("SOLOv2", 3, side, overrides=FROM_SCRATCH)
    masks, boxes = _objects(side, objects, 0)
    rng = np.random.default_rng(0)
    sample = {"image": rng.random((3, side, side), np.float32), "gt_bbox": boxes, "gt_segm": masks}
    (targets,) = GridTargets()([{**sample, "gt_class": rng.integers(0, 3, (objects, 1))}])
    inputs = {name: paddle.to_tensor(np.asarray(values)[None]) for name, values in targets.items()}
    return network, lambda: network(inputs)["loss"]


def sam(name: str, objects: int, *, images: int = 2, side: int = 512) -> Step:
    """A Segment Anything network on so many ellipses per image; a frozen encoder is not computed."""
    import paddle

    from segcli.engines.promptable.sam_samples import SamSample
    from segcli.engines.promptable.sam_session import SamStep
    from segcli.inference.square_input import SquareInput
    from segcli.models.promptable.specs import PROMPTABLE
    from segcli.models.promptable.table import build_promptable_network
    from segcli.promptable.training import PromptSettings, training_objects

    network, form = build_promptable_network(name), SquareInput.of(PROMPTABLE[name])
    sample: Any = None  # of the dataset: not needed, because embeddings are given
    rng, samples = np.random.default_rng(0), []
    for seed in range(images):
        masks, boxes = _objects(side, objects, seed)
        image = form(rng.integers(0, 255, (side, side, 3)).astype(np.uint8))[0]
        placed = training_objects(masks > 0, boxes, form.place(side, side), 4 * network.grid)
        samples.append(SamSample(sample, image, placed, seed))
    kept = None
    if not PROMPTABLE[name].trains_encoder:
        for parameter in [*network.image_encoder.parameters(), *network.prompt_encoder.parameters()]:
            parameter.stop_gradient = True
        kept = [paddle.randn([1, network.prompt_encoder.dim, network.grid, network.grid]) for _ in samples]
    return network, partial(SamStep(network, PromptSettings()), samples, kept)


def lseg(*, images: int = 8, classes: int = 5) -> Step:
    """LSeg-tiny on noise."""
    import paddle

    from segcli.engines.promptable.lseg_session import LSegStep
    from segcli.models.promptable.table import build_promptable_network

    network, rng = build_promptable_network("LSeg-tiny"), np.random.default_rng(0)
    side = network.config.image_size
    texts = paddle.nn.functional.normalize(paddle.randn([classes, network.config.shared_dim]))
    image = rng.standard_normal((images, 3, side, side)).astype(np.float32)
    step = LSegStep(network, None, 255)
    return network, partial(step, image, rng.integers(0, classes, (images, side, side)), texts)


def semantic(name: str, *, images: int = 2, side: int = 256, classes: int = 19) -> Step:
    """A semantic model on noise."""
    from segcli.engines.paddleseg.parts import compute_losses

    given = OneBatch(images=images, side_px=side, classes=classes, learning_rate=1e-3)
    network, _, losses = given.parts(name)
    batch = given.tensors(name)
    return network, lambda: sum(compute_losses(network, network, batch, losses))


@dataclass(frozen=True)
class StepCase:
    """A training step as it is measured.

    Attributes:
        inputs: What it is computed on, in words.
        make: Builds the network; each call draws other weights.
        has_views: Whether the model trains with Paddle's views, see `segcli.cpu.without_views`.
    """

    inputs: str
    make: Callable[[], Step]
    has_views: bool = True

    def compute(self, loss: Callable[[], Any]) -> None:
        """Forward and backward pass, from the same random numbers each time."""
        import paddle

        paddle.seed(0)
        with without_views(not self.has_views):
            loss().backward()

    @contextmanager
    def as_elsewhere(self) -> Iterator[StepCase]:
        """The same step as on another device: by Paddle's operators, and with views.

        Networks without views compute as in an exported graph.
        """
        with paddles_operators(as_exported=not self.has_views):
            yield StepCase(self.inputs, self.make)


_SEMANTIC = ("OCRNet_HRNet-W18", "Deeplabv3_Plus-R50", "PP-LiteSeg-T", "SegFormer-B0", "SeaFormer_base", "UNet-S")
_RCNNS = ("Cascade-MaskRCNN-ResNet50-FPN", "MaskRCNN-ResNet50-FPN")
OF_OBJECTS = {
    "Mask-RT-DETR-S": StepCase("2 x 640 px, 40 objects", mask_rtdetr, has_views=False),
    "SAM-tiny": StepCase("32 objects", partial(sam, "SAM-tiny", 16), has_views=False),
    "SAM-B's decoder": StepCase("8 objects", partial(sam, "SAM-B", 4), has_views=False),
    "LSeg-tiny": StepCase("8 images", lseg, has_views=False),
    "MaskFormer_tiny": StepCase("2 x 256 px", partial(semantic, "MaskFormer_tiny"), has_views=False),
    **{name: StepCase("512 px, 10 objects", partial(rcnn, name)) for name in _RCNNS},
    "SOLOv2": StepCase("512 px, 10 objects", solo),
    "PP-YOLOE_seg-S": StepCase("640 px, 10 objects", pp_yoloe),
}
"""The models that tell objects or masks apart, and those with prompts."""
STEPS = OF_OBJECTS | {name: StepCase("2 x 256 px", partial(semantic, name)) for name in _SEMANTIC}
"""One of each family."""
