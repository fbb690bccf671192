"""One training step of a promptable network: prompts, predicted masks, clicks on the errors, loss."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import paddle

from segcli.inference.square_input import Placement
from segcli.models.promptable.sam.sam import Sam
from segcli.promptable.layout import points_of_prompts
from segcli.promptable.losses import LossWeights, prompt_loss
from segcli.promptable.sampling import error_point, jitter_box, random_point

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]
_MOSTLY = 0.5


@dataclass(frozen=True)
class PromptSettings:
    """How prompts are made in training.

    Attributes:
        box_share: Share of steps that begin with a box; the others begin with a point.
        error_rounds: Number of rounds, each with one more click on an error of the predicted mask.
        mask_share: Share of those rounds in which the predicted mask is passed back as mask prompt.
        jitter_share: Noise of boxes, as a share of their side.
        jitter_max_px: Largest noise of a box, in model pixels.
        weights: Weights of the losses.
    """

    box_share: float = 0.5
    error_rounds: int = 1
    mask_share: float = 0.5
    jitter_share: float = 0.1
    jitter_max_px: float = 20.0
    weights: LossWeights = field(default_factory=LossWeights)


@dataclass(frozen=True)
class TrainingObjects:
    """The annotated objects of one image, in the coordinates of the model's input.

    Attributes:
        coverage: ``[B, m, m]`` float32 in 0..1: the share of each pixel of the mask logits that the object covers.
            Binary pixels would lose the contour: for nuclei of 14 pixels at half the resolution, a perfect prediction
            of them reaches a mean IoU of 0.86, one of the coverage 0.96.
        boxes: ``[B, 4]`` float32 in model pixels.
        placement: Position of the image in the model's input.
    """

    coverage: FloatArray
    boxes: FloatArray
    placement: Placement

    @property
    def targets(self) -> BoolArray:
        """The pixels that are covered by at least one half, ``[B, m, m]`` bool; every object has at least one."""
        return self.coverage >= _MOSTLY


def training_objects(masks: BoolArray, boxes: FloatArray, placement: Placement, mask_side: int) -> TrainingObjects:
    """Maps masks and boxes of an image to the model's input.

    Objects that cover no pixel of the mask logits by at least one half are left out.

    Args:
        masks: ``[B, H, W]`` bool.
        boxes: ``[B, 4]`` x1, y1, x2, y2 in image pixels.
        placement: Position of the image in the model's input.
        mask_side: Side of the mask logits in pixels.
    """
    scale = mask_side / placement.side
    size = (max(1, round(placement.resized_width * scale)), max(1, round(placement.resized_height * scale)))
    coverage = np.zeros((len(masks), mask_side, mask_side), np.float32)
    for covered, mask in zip(coverage, masks, strict=True):
        covered[: size[1], : size[0]] = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    is_kept = (coverage >= _MOSTLY).any(axis=(1, 2))
    corners = placement.to_model(np.asarray(boxes, np.float64).reshape(-1, 2, 2)).reshape(-1, 4)
    return TrainingObjects(coverage[is_kept], corners[is_kept], placement)


def promptable_loss(
    sam: Sam,
    embedding: paddle.Tensor,
    objects: TrainingObjects,
    generator: np.random.Generator,
    settings: PromptSettings | None = None,
) -> paddle.Tensor:
    """The loss for the objects of one image: first prompts, then rounds of clicks that correct errors.

    Args:
        sam: The network.
        embedding: ``[1, C, g, g]``, from its encoder or a cache.
        objects: The objects; at least one.
        generator: Random generator of all choices.
        settings: How prompts are made.

    Returns:
        A scalar: the mean over the rounds.
    """
    settings = settings or PromptSettings()
    count, side = objects.coverage.shape[:2]
    targets = paddle.to_tensor(objects.coverage)
    boxes, points, labels = _first_prompts(objects, generator, settings)
    mask, has_mask = paddle.zeros([1, 1, side, side]), paddle.zeros([1])
    losses = []
    for turn in range(settings.error_rounds + 1):
        coords, kinds = points_of_prompts(boxes, points, labels)
        logits, iou = sam(embedding, paddle.to_tensor(coords), paddle.to_tensor(kinds), mask, has_mask)
        # A single click is ambiguous and trains three masks; any other prompt trains one.
        is_ambiguous = boxes is None and turn == 0
        logits, iou = (logits[:, 1:], iou[:, 1:]) if is_ambiguous else (logits[:, :1], iou[:, :1])
        loss, best = prompt_loss(logits, iou, targets, settings.weights)
        losses.append(loss)
        if turn == settings.error_rounds:
            break
        best_logits = np.take_along_axis(logits.numpy(), best.numpy().reshape(-1, 1, 1, 1), axis=1)
        points, labels = _with_error_points(best_logits[:, 0] > 0, objects, points, labels, generator)
        if generator.random() < settings.mask_share:
            mask, has_mask = paddle.to_tensor(best_logits), paddle.ones([count])
    return paddle.stack(losses).mean()


def _first_prompts(
    objects: TrainingObjects, generator: np.random.Generator, settings: PromptSettings
) -> tuple[FloatArray | None, FloatArray | None, FloatArray | None]:
    placement = objects.placement
    if generator.random() < settings.box_share:
        width, height = placement.resized_width, placement.resized_height
        noise: dict[str, Any] = {"share": settings.jitter_share, "max_px": settings.jitter_max_px}
        return np.stack([jitter_box(box, generator, width, height, **noise) for box in objects.boxes]), None, None
    clicks = [random_point(target, generator) for target in objects.targets]
    points = _model_points(np.array(clicks, np.float32), objects)[:, None]
    return None, points, np.ones((len(points), 1), np.float32)


def _with_error_points(
    answers: BoolArray,
    objects: TrainingObjects,
    points: FloatArray | None,
    labels: FloatArray | None,
    generator: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """One more click per object; padding where the predicted mask is right already."""
    clicks = [error_point(a, t, generator) or (0.0, 0.0, -1) for a, t in zip(answers, objects.targets, strict=True)]
    rows = np.array(clicks, np.float32)
    new_points, new_labels = _model_points(rows[:, :2], objects)[:, None], rows[:, 2:]
    if points is None or labels is None:
        return new_points, new_labels
    return np.concatenate([points, new_points], axis=1), np.concatenate([labels, new_labels], axis=1)


def _model_points(places: FloatArray, objects: TrainingObjects) -> FloatArray:
    """Centres of pixels of the mask logits, in model pixels."""
    return (places + 0.5) * np.float32(objects.placement.side / objects.coverage.shape[-1])
