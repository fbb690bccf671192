"""Evaluates an instance network: mask and box AP; images are streamed, and no masks are kept."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from segcli.config.schema import SlidingWindowConfig
from segcli.data.classes import ClassMap
from segcli.data.detections import Detections
from segcli.data.image import RgbImage
from segcli.data.instances import InstanceSample
from segcli.data.loading import read_sized
from segcli.data.prefetch import read_ahead
from segcli.data.windows import ArrayWindows
from segcli.inference.augmented_objects import ObjectViews
from segcli.inference.decode_objects import ObjectFinder
from segcli.inference.failed_image import Place, answered
from segcli.inference.instance_input import PreparedImage
from segcli.inference.object_tiles import objects_tiled
from segcli.inference.tiling import Tiling
from segcli.metrics.image_facts import Look, look_of
from segcli.metrics.instance_report import InstanceReport
from segcli.metrics.mask_ap import MaskAP
from segcli.metrics.matching import Limits
from segcli.processes import merged, own_share
from segcli.progress import track

log = logging.getLogger("segcli.evaluate")


TILED_SCORE = 0.05
"""Minimum score of a detection in a tile: hundreds have lower scores, and they hardly change the precision curve."""


@dataclass(frozen=True)
class Loaded:
    """An image that is ready for a network.

    Attributes:
        sample: The image and its objects.
        prepared: The network's input of each view; None for an image that is cut into tiles.
        rgb: The image, if it is cut into tiles; else None.
        look: Statistics of its appearance.
    """

    sample: InstanceSample
    prepared: Sequence[PreparedImage] | None
    rgb: RgbImage | None
    look: Look


@dataclass(frozen=True)
class Detector:
    """An instance network with its preprocessing.

    Attributes:
        find: The network.
        views: Converts an image or a tile into the network's inputs.
        tiling: Which images are cut into tiles; None cuts none.
    """

    find: ObjectFinder
    views: ObjectViews
    tiling: Tiling | None = None

    def load(self, sample: InstanceSample) -> Loaded:
        """Decodes an image and prepares the network's input.

        Raises:
            DatasetError: It cannot be read, or has another size than the annotation file says.
        """
        rgb = read_sized(sample)
        if self._tiles(rgb) is not None:
            return Loaded(sample, None, rgb, look_of(rgb))
        return Loaded(sample, self.views.prepare(rgb), None, look_of(rgb))

    def detect(self, batch: Sequence[Loaded]) -> Sequence[Detections]:
        """The detections in images of equal input size, or in one image that is cut into tiles.

        Raises:
            FailedImageError: The network fails on an image.
        """
        return answered(self._found, batch, _place)

    def _found(self, batch: Sequence[Loaded]) -> list[Detections]:
        whole = [one.prepared for one in batch if one.prepared is not None]
        if whole:
            return self.views.find(self.find, whole)
        return [self._tiled(one.rgb) for one in batch if one.rgb is not None]

    def _tiled(self, rgb: RgbImage) -> Detections:
        window = self._tiles(rgb)
        assert window is not None
        find = partial(self.find, threshold=TILED_SCORE)
        return objects_tiled(
            lambda tile: self.views.find(find, [self.views.prepare(tile)])[0], ArrayWindows(rgb), window
        )

    def _tiles(self, rgb: RgbImage) -> SlidingWindowConfig | None:
        return None if self.tiling is None else self.tiling.of((rgb.shape[0], rgb.shape[1]))


def measure(
    find: ObjectFinder,
    samples: Sequence[InstanceSample],
    classes: ClassMap,
    views: ObjectViews,
    *,
    tiling: Tiling | None = None,
    batch_size: int = 1,
    log_interval: int = 0,
    limits: Limits | None = None,
    boundary: bool = False,
    panoptic_score: float | None = None,
) -> InstanceReport:
    """Evaluates a network; with several processes, each evaluates its share of the images.

    Args:
        find: The network.
        samples: Images with their objects.
        classes: The classes, those of the network.
        views: Converts images into the network's inputs.
        tiling: Which images are cut into tiles; None cuts none.
        batch_size: Images per batch; only neighbours of equal input size are batched together.
        log_interval: Images between two lines of the log; 0 for none.
        limits: Limits of the matching; COCO's by default.
        boundary: Also measures boundary AP.
        panoptic_score: Also measures panoptic quality, of detections with at least this score; None does not.

    Raises:
        DatasetError: An image cannot be read, or has another size than its annotation file says.
        FailedImageError: The network fails on an image.
    """
    own = own_share(samples)
    detector = Detector(find, views, tiling)
    prepared = (detector.load(sample) for sample in own)

    def found() -> Iterator[tuple[InstanceSample, Detections, Look]]:
        loaded = track(read_ahead(prepared, batch_size + 1), "evaluate", len(own))
        for batch in grouped(loaded, batch_size):
            for one, detections in zip(batch, detector.detect(batch), strict=True):
                yield one.sample, detections, one.look

    measured = MaskAP(classes, limits, boundary=boundary, panoptic_score=panoptic_score)
    return measure_detections(found(), measured, len(own), log_interval)


def measure_detections(
    found: Iterable[tuple[InstanceSample, Detections, Look]], measured: MaskAP, images: int, log_interval: int = 0
) -> InstanceReport:
    """Evaluates detections from any source.

    Args:
        found: Images of this process with their detections and looks.
        measured: Accumulator to update; those of all processes are merged.
        images: Number of images of this process.
        log_interval: Images between two lines of the log; 0 for none.
    """
    for done, (sample, detections, look) in enumerate(found, start=1):
        measured.update(sample, detections, look)
        if log_interval and done % log_interval == 0:
            log.info("%d of %d images", done, images)
    return merged(measured).compute()


def grouped(loaded: Iterable[Loaded], batch_size: int) -> Iterator[list[Loaded]]:
    """Batches of consecutive images with equal input sizes; a tiled image is a batch of its own."""
    batch: list[Loaded] = []
    for item in loaded:
        if batch and (len(batch) == batch_size or _shapes(item) != _shapes(batch[0]) or item.prepared is None):
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


def _place(loaded: Loaded) -> Place:
    return loaded.sample.image, (loaded.sample.height, loaded.sample.width)


def _shapes(loaded: Loaded) -> list[tuple[int, ...]] | None:
    return None if loaded.prepared is None else [view.image.shape for view in loaded.prepared]
