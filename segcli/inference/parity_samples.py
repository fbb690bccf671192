"""Pictures on which an exported model is compared with the trained network."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np

from segcli.config.schema import Config
from segcli.data.formats.coco import scan_coco_dataset
from segcli.data.formats.masks import find_root, scan_lists
from segcli.data.image import RgbImage, read_image
from segcli.data.sources import open_sources
from segcli.errors import DatasetError, InputError
from segcli.inference.preprocess import resize_picture

log = logging.getLogger("segcli.export")

_PICTURES = 3
_LONGEST_SIDE_PX = 768


def parity_pictures(config: Config, input_size: tuple[int, int] | None) -> tuple[list[RgbImage], str]:
    """Real pictures where there are any.

    Args:
        config: Names the dataset and the input of predict.
        input_size: Height and width that the network needs; with None one picture is cut to an odd size, to show that
            the size is free.

    Returns:
        RGB pictures, and where they come from.
    """
    pictures, origin = _real(config)
    if not pictures:
        log.warning("no picture of a dataset or Predict.input is at hand; comparing on a generated one")
        pictures, origin = [generated_picture()], "a generated picture"
    if input_size is not None:
        return [resize_picture(picture, *input_size) for picture in pictures], origin
    pictures = [_bounded(picture) for picture in pictures]
    height, width = pictures[-1].shape[:2]
    odd = np.ascontiguousarray(pictures[-1][: max(height * 3 // 4 | 1, 33), : max(width * 2 // 3 | 1, 33)])
    return [*pictures[:-1], odd] if len(pictures) > 1 else [*pictures, odd], origin


def _real(config: Config) -> tuple[list[RgbImage], str]:
    if config.Global.dataset_dir is not None:
        try:
            paths = _image_paths(Path(config.Global.dataset_dir))
        except DatasetError as fault:
            log.debug("no dataset to compare on: %s", fault)
        else:
            pictures = list(islice(_readable(paths), _PICTURES))
            if pictures:
                return pictures, f"pictures of {config.Global.dataset_dir}"
    given = config.Predict.input
    if given is None or "://" in str(given):
        return [], ""
    try:
        sources = open_sources(given)
    except InputError:
        return [], ""
    loaded = (item.picture for item in sources if item.picture is not None)
    return list(islice(loaded, _PICTURES)), f"Predict.input {given}"


def _image_paths(folder: Path) -> list[Path]:
    """The images of a dataset with masks or, where there are no lists, of a COCO dataset.

    Raises:
        DatasetError: It is neither.
    """
    try:
        lists = scan_lists(find_root(folder))
    except DatasetError:
        dataset = scan_coco_dataset(folder)[0]
        return [sample.image for sample in (*dataset.val, *dataset.train)]
    return [sample.image for sample in (*lists.val, *lists.train)]


def _readable(paths: Iterable[Path]) -> Iterable[RgbImage]:
    for path in paths:
        try:
            yield read_image(path)
        except InputError as fault:
            log.debug("left out of the comparison: %s", fault)


def _bounded(picture: RgbImage) -> RgbImage:
    height, width = picture.shape[:2]
    shrink = min(1.0, _LONGEST_SIDE_PX / max(height, width))
    return resize_picture(picture, max(1, round(height * shrink)), max(1, round(width * shrink)))


def generated_picture() -> RgbImage:
    """Soft coloured stripes with noise, uint8 [256, 320, 3]."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:256, 0:320]
    waves = [np.sin(columns / 20), np.cos(rows / 30), np.sin((rows + columns) / 40)]
    picture = 128 + 90 * np.stack(waves, axis=-1) + rng.normal(0, 15, (256, 320, 3))
    return np.clip(picture, 0, 255).astype(np.uint8)
