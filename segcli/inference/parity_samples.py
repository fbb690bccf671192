"""Images on which an exported model is compared with the trained network."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np

from segcli.config.schema import Config
from segcli.data.decoding.image_range import COLOURS
from segcli.data.decoding.used_range import current_range
from segcli.data.formats.instance_data import scan_instance_dataset
from segcli.data.formats.masks import find_root, scan_lists
from segcli.data.image import RgbImage, read_input
from segcli.data.sources import open_sources
from segcli.errors import DatasetError, InputError
from segcli.inference.preprocess import resize_image

log = logging.getLogger("segcli.export")

_IMAGES = 3
_LONGEST_SIDE_PX = 768


def parity_images(
    config: Config, input_size: tuple[int, int] | None, channels: int = COLOURS
) -> tuple[list[RgbImage], str]:
    """Images for the comparison: real ones if there are any, else a generated one.

    Args:
        config: Names the dataset and the input of predict.
        input_size: Height and width that the network needs; with None one image is cropped to an odd size, to test
            that any size works.
        channels: Number of channels of the network's input.

    Returns:
        Images, uint8 [H, W, channels], and a description of their origin.
    """
    images, origin = _real(config)
    if not images:
        log.warning("found no image of a dataset or Predict.input; comparing on a generated one")
        images, origin = [generated_image(channels)], "a generated image"
    if input_size is not None:
        return [resize_image(rgb, *input_size) for rgb in images], origin
    images = [_bounded(rgb) for rgb in images]
    height, width = images[-1].shape[:2]
    odd = np.ascontiguousarray(images[-1][: max(height * 3 // 4 | 1, 33), : max(width * 2 // 3 | 1, 33)])
    return [*images[:-1], odd] if len(images) > 1 else [*images, odd], origin


def _real(config: Config) -> tuple[list[RgbImage], str]:
    if config.Global.dataset_dir is not None:
        try:
            paths = _image_paths(Path(config.Global.dataset_dir))
        except DatasetError as fault:
            log.debug("no dataset to compare on: %s", fault)
        else:
            images = list(islice(_readable(paths), _IMAGES))
            if images:
                return images, f"images of {config.Global.dataset_dir}"
    given = config.Predict.input
    if given is None or "://" in str(given):
        return [], ""
    try:
        sources = open_sources(given)
    except InputError:
        return [], ""
    loaded = (item.rgb for item in sources.read_by(current_range()) if item.rgb is not None)
    return list(islice(loaded, _IMAGES)), f"Predict.input {given}"


def _image_paths(folder: Path) -> list[Path]:
    """The images of a dataset with masks or, if there are no lists, of a COCO dataset.

    Raises:
        DatasetError: The folder is neither.
    """
    try:
        lists = scan_lists(find_root(folder))
    except DatasetError:
        dataset = scan_instance_dataset(folder)[0]
        return [sample.image for sample in (*dataset.val, *dataset.train)]
    return [sample.image for sample in (*lists.val, *lists.train)]


def _readable(paths: Iterable[Path]) -> Iterable[RgbImage]:
    for path in paths:
        try:
            yield read_input(path)
        except InputError as fault:
            log.debug("left out of the comparison: %s", fault)


def _bounded(rgb: RgbImage) -> RgbImage:
    height, width = rgb.shape[:2]
    shrink = min(1.0, _LONGEST_SIDE_PX / max(height, width))
    return resize_image(rgb, max(1, round(height * shrink)), max(1, round(width * shrink)))


def generated_image(channels: int = COLOURS) -> RgbImage:
    """Soft coloured stripes with noise, uint8 [256, 320, channels]."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:256, 0:320]
    waves = [np.sin(columns / 20), np.cos(rows / 30), np.sin((rows + columns) / 40)]
    bands = np.stack([waves[index % len(waves)] for index in range(channels)], axis=-1)
    rgb = 128 + 90 * bands + rng.normal(0, 15, (256, 320, channels))
    return np.clip(rgb, 0, 255).astype(np.uint8)
