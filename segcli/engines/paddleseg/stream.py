"""Training images as PaddleSeg's transforms make them, a function of the draw's number alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from segcli.data.loading import load
from segcli.data.samples import SegSample
from segcli.data.sampling import Draws, seed_augmentation

_BOOKKEEPING = ("trans_info", "gt_fields")


class SampleStream:
    """The endless training set: item `d` is draw number `d` of a `Draws`.

    Args:
        samples: Samples of the training part.
        transforms: PaddleSeg's transforms, in order.
        draws: Which sample and which random numbers each draw has.
        edge_classes: Number of classes when the loss needs an edge map, else None.
    """

    def __init__(
        self, samples: Sequence[SegSample], transforms: Sequence[Any], draws: Draws, edge_classes: int | None = None
    ) -> None:
        self._samples = samples
        self._transforms = transforms
        self._draws = draws
        self._edge_classes = edge_classes

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, draw: int) -> dict[str, Any]:
        """Reads and transforms one sample.

        Returns:
            ``img`` float32 [3, H, W] RGB, ``label`` [H, W], and what single transforms add.

        Raises:
            DatasetError: A file cannot be read, or image and mask differ in size.
        """
        sample = load(self._samples[self._draws.sample(draw)])
        seed_augmentation(self._draws.seed_of(draw))
        data: dict[str, Any] = {
            "img": sample.rgb.astype(np.float32),
            "label": sample.mask,
            "trans_info": [],
            "gt_fields": ["label"],
        }
        for transform in self._transforms:
            data = transform(data)
        data["img"] = np.ascontiguousarray(data["img"].transpose(2, 0, 1))
        if self._edge_classes is not None:
            from paddleseg.transforms import functional

            data["edge"] = functional.mask_to_binary_edge(data["label"], radius=2, num_classes=self._edge_classes)
        return {name: value for name, value in data.items() if name not in _BOOKKEEPING}

    def path_of(self, draw: int) -> str:
        """Path of the image of a draw, for messages."""
        return str(self._samples[self._draws.sample(draw)].image)
