"""Drawings of single images: ground truth, prediction and mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from segcli.data import rle
from segcli.data.classes import ClassMap
from segcli.data.decoding.used_range import set_image_range
from segcli.data.detections import Detections
from segcli.data.image import RgbImage, shown
from segcli.data.instances import InstanceSample
from segcli.data.loading import load, read_sized
from segcli.data.samples import SegSample
from segcli.inference.decode_labels import argmax
from segcli.metrics.image_pairs import Floats, image_pairs, true_masks
from segcli.metrics.matching import Limits, match
from segcli.metrics.object_pairs import pairs_of_masks
from segcli.metrics.promptable_measure import object_masks
from segcli.metrics.promptable_scores import mask_iou
from segcli.promptable.predictor import Multimask, SamPredictor
from segcli.promptable.prompts import ObjectPrompt
from segcli.promptable.sampling import box_of_mask
from segcli.promptable.text_predictor import TextPredictor
from segcli.report.mistakes import draw_found_objects, draw_labels, draw_wrong_pixels
from segcli.steps.evaluate.subjects import LabelSubject, ObjectSubject


@dataclass(frozen=True)
class ImagePanels:
    """Drawings of one image, each RGB, (height, width, 3), uint8.

    Attributes:
        truth: The ground truth.
        prediction: The prediction.
        mistakes: The wrong pixels; None if `prediction` shows the mistakes.
    """

    truth: RgbImage
    prediction: RgbImage
    mistakes: RgbImage | None


def draw_sample(subject: LabelSubject, sample: SegSample) -> ImagePanels:
    """Label maps over the image, and the wrong pixels."""
    set_image_range(subject.image_range)
    loaded, classes = load(sample), subject.dataset.classes
    labels = subject.label_maps([loaded])[0]
    if labels.shape != loaded.mask.shape:  # evaluated at the size of the network's input
        labels = np.asarray(cv2.resize(labels, loaded.mask.shape[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
    rgb = shown(loaded.rgb)
    return ImagePanels(
        draw_labels(rgb, loaded.mask, classes),
        draw_labels(rgb, labels, classes),
        draw_wrong_pixels(rgb, labels, loaded.mask, classes.ignore_index),
    )


def draw_objects_of(subject: ObjectSubject, sample: InstanceSample, least_score: Floats) -> ImagePanels:
    """Objects over the image: ground truth, and true positives, false positives and missed objects at IoU 0.5.

    Args:
        subject: Gives the detections.
        sample: The image.
        least_score: Lowest score of a detection that is drawn, per class: (classes,), float.
    """
    detections = _kept(subject.detect(sample), least_score)
    rgb, masks = read_sized(sample), true_masks(sample)
    pairs = pairs_of_masks([image_pairs(sample, masks, detections)])
    matches = match(pairs, Limits(thresholds=(0.5,)))
    hits, ignored = matches.hits[:, 0, 0], matches.ignored[:, 0, 0]
    taken = set(matches.object_of[hits, 0, 0].tolist())
    real = [place for place, value in enumerate(sample.objects) if not value.is_crowd]
    truth = draw_found_objects(rgb, (masks[place] for place in real), (), ())
    found = draw_found_objects(
        rgb,
        (detections.masks[place] for place in np.flatnonzero(hits)),
        (detections.masks[place] for place in np.flatnonzero(~hits & ~ignored)),
        (masks[place] for place in real if place not in taken),
    )
    return ImagePanels(truth, found, None)


def _kept(detections: Detections, least_score: Floats) -> Detections:
    scores, classes = np.asarray(detections.scores), np.asarray(detections.classes, np.int64)
    kept = np.flatnonzero(scores >= least_score[classes]) if len(scores) else np.zeros(0, np.int64)
    return Detections(scores[kept], classes[kept], [detections.masks[place] for place in kept])


def draw_promptable(predictor: SamPredictor, sample: InstanceSample) -> ImagePanels:
    """Objects over the image: ground truth, and the masks predicted from their boxes, correct at IoU 0.5 or more."""
    rgb, masks = read_sized(sample), list(object_masks(sample))
    predictor.set_image(rgb, name=str(sample.image))
    corners = [box_of_mask(mask) for mask in masks]
    prompts = [ObjectPrompt(box=(float(x1), float(y1), float(x2), float(y2))) for x1, y1, x2, y2 in corners]
    answers = predictor.predict(prompts, multimask=Multimask.SINGLE) if prompts else []
    pairs = [(answer.mask, mask_iou(answer.mask, mask) >= 0.5) for answer, mask in zip(answers, masks, strict=True)]
    found = draw_found_objects(
        rgb,
        (rle.encode(mask) for mask, right in pairs if right),
        (rle.encode(mask) for mask, right in pairs if not right),
        (),
    )
    return ImagePanels(draw_found_objects(rgb, map(rle.encode, masks), (), ()), found, None)


def draw_named(predictor: TextPredictor, sample: SegSample, classes: ClassMap, texts: Sequence[str]) -> ImagePanels:
    """Label maps over the image, and the wrong pixels, of a network prompted with `texts`, one per class."""
    loaded = load(sample)
    predictor.set_image(loaded.rgb, name=str(sample.image))
    labels = argmax(predictor.score(list(texts)))
    return ImagePanels(
        draw_labels(loaded.rgb, loaded.mask, classes),
        draw_labels(loaded.rgb, labels, classes),
        draw_wrong_pixels(loaded.rgb, labels, loaded.mask, classes.ignore_index),
    )
