"""Loads images with their masks ahead of their use, never more than a few at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from segcli.data.decoded_cache import DecodedCache
from segcli.data.image import Labels, RgbImage, read_input, read_mask, read_smaller
from segcli.data.instances import InstanceSample
from segcli.data.prefetch import map_ahead
from segcli.data.samples import SegSample
from segcli.errors import DatasetError, InputError
from segcli.rules import finding

_THREADS = 2


@dataclass(frozen=True)
class LoadedSample:
    """A sample in memory: the image as the network takes it [H, W, channels], possibly smaller than the mask, and its
    mask [H, W]."""

    sample: SegSample
    rgb: RgbImage
    mask: Labels


def load(
    sample: SegSample, factor: Callable[[int, int], int] | None = None, cache: DecodedCache | None = None
) -> LoadedSample:
    """Decodes a sample.

    Args:
        sample: What to decode.
        factor: By how much the sides of an image of a height and width may be divided; None keeps it whole.
        cache: Keeps whole images and masks; its arrays are not to be changed.

    Raises:
        DatasetError: A file cannot be read, or image and mask differ in size.
    """
    try:
        rgb, size = _read(sample.image, _whole if factor is None else factor, cache)
    except InputError as error:
        raise DatasetError(error.message, path=error.path, hint=error.hint) from error
    loaded = LoadedSample(sample, rgb, load_mask(sample, cache))
    if size != loaded.mask.shape:
        (height, width), (mask_height, mask_width) = size, loaded.mask.shape
        message = f"mask is {mask_width} x {mask_height}, image {width} x {height}"
        fault = finding("S207", str(sample.mask), message)
        raise DatasetError(message, [fault], path=sample.mask, hint=fault.hint)
    return loaded


def load_mask(sample: SegSample, cache: DecodedCache | None = None) -> Labels:
    """Decodes the mask of a sample alone.

    Raises:
        DatasetError: It cannot be read.
    """
    try:
        return read_mask(sample.mask) if cache is None else cache.read(sample.mask, read_mask)
    except InputError as error:
        raise DatasetError(error.message, path=error.path, hint=error.hint) from error


def _read(
    path: Path, factor: Callable[[int, int], int], cache: DecodedCache | None
) -> tuple[RgbImage, tuple[int, int]]:
    """An image, and its full height and width."""
    if cache is None:
        return read_smaller(path, factor)
    rgb = cache.read(path, read_input)
    height, width = rgb.shape[:2]
    factor(height, width)
    return rgb, (height, width)


def _whole(_height: int, _width: int) -> int:
    return 1


def read_sized(sample: InstanceSample) -> RgbImage:
    """Decodes the image of an instance sample: RGB [H, W, 3].

    Raises:
        DatasetError: It cannot be read, or has another size than the annotation file says.
    """
    try:
        rgb = read_input(sample.image)
    except InputError as error:
        raise DatasetError(error.message, path=error.path, hint=error.hint) from error
    height, width = rgb.shape[:2]
    if (height, width) != (sample.height, sample.width):
        message = f"is {width} x {height}, the annotation file says {sample.width} x {sample.height}"
        fault = finding("C114", str(sample.image), message)
        raise DatasetError(message, [fault], path=sample.image, hint=fault.hint)
    return rgb


def load_ahead(samples: Sequence[SegSample], ahead: int) -> Iterator[LoadedSample]:
    """The samples in order, decoded in threads, at most `ahead` of them before they are needed."""
    return map_ahead(load, samples, workers=_THREADS, ahead=ahead)


def grouped(loaded: Iterable[LoadedSample], batch_size: int) -> Iterator[list[LoadedSample]]:
    """Batches of neighbours of equal size."""
    batch: list[LoadedSample] = []
    for item in loaded:
        if batch and (len(batch) == batch_size or item.mask.shape != batch[0].mask.shape):
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch
