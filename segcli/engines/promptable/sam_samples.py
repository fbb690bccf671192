"""Training samples of Segment Anything: images with the masks of their objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from segcli.data import rle
from segcli.data.instances import InstanceObject, InstanceSample
from segcli.data.loading import read_sized
from segcli.data.sampling import SampleOrder
from segcli.inference.square_input import SquareInput
from segcli.promptable.sampling import box_of_mask
from segcli.promptable.training import TrainingObjects, training_objects

LEAST_AREA = 2.0
"""Smallest area, in pixels of the mask logits, of an object that is used in training."""


@dataclass(frozen=True)
class SamSample:
    """One image of a step.

    Attributes:
        sample: The image.
        image: ``[1, 3, side, side]`` float32, ready for the encoder; None where its embedding is cached.
        objects: The objects from which prompts are made.
        seed: Seed of all further random choices.
    """

    sample: InstanceSample
    image: NDArray[np.float32] | None
    objects: TrainingObjects
    seed: int


@dataclass(frozen=True)
class SamSamples:
    """The training set: item `d` is position `d` of its order.

    Attributes:
        samples: Images with at least one object.
        preprocess: How images become inputs.
        mask_side: Side of the mask logits in pixels.
        order: The order of training.
        most_objects: Most objects per image in one step.
        with_images: Whether images are read and preprocessed: needed where the encoder is trained.
        flip: Whether those images are flipped at random.
    """

    samples: Sequence[InstanceSample]
    preprocess: SquareInput
    mask_side: int
    order: SampleOrder
    most_objects: int
    with_images: bool
    flip: bool

    def load(self, position: int) -> SamSample:
        """The sample at a position."""
        sample = self.samples[self.order.sample(position)]
        seed = self.order.seed_of(position)
        generator = np.random.default_rng(seed)
        chosen = generator.permutation(len(sample.objects))[: self.most_objects]
        masks = np.stack(
            [
                np.asarray(rle.decode(sample.objects[index].to_rle(sample.height, sample.width)), np.bool_)
                for index in chosen
            ]
        )
        image = None
        if self.with_images:
            rgb = read_sized(sample)
            for axis in (0, 1):
                if self.flip and generator.random() < 0.5:
                    rgb, masks = np.flip(rgb, axis), np.flip(masks, axis + 1)
            image = self.preprocess(np.ascontiguousarray(rgb))[0]
        boxes = np.stack([box_of_mask(mask) for mask in masks])
        placement = self.preprocess.place(sample.height, sample.width)
        return SamSample(sample, image, training_objects(masks, boxes, placement, self.mask_side), seed)

    def path_of(self, position: int) -> str:
        """Path of the image at a position."""
        return str(self.samples[self.order.sample(position)].image)


def learnable(samples: Sequence[InstanceSample], mask_side: int) -> list[InstanceSample]:
    """The images with their learnable objects: no crowd regions, and large enough in the mask logits."""
    kept = []
    for sample in samples:
        scale = (mask_side / max(sample.height, sample.width)) ** 2
        objects = tuple(value for value in sample.objects if _is_learnable(value, sample, scale))
        if objects:
            kept.append(replace(sample, objects=objects))
    return kept


def _is_learnable(value: InstanceObject, sample: InstanceSample, scale: float) -> bool:
    return not value.is_crowd and rle.area(value.to_rle(sample.height, sample.width)) * scale >= LEAST_AREA
