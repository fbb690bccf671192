"""Training images as PaddleSeg's transforms make them, determined by the position alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.augment.scene import LabelScene
from segcli.data.decoded_cache import DecodedCache
from segcli.data.image import Labels, RgbImage
from segcli.data.loading import load, load_mask
from segcli.data.samples import SegSample
from segcli.data.sampling import SampleOrder, seed_augmentation
from segcli.engines.paddleseg.byte_transforms import apply_to_bytes, split_normalize
from segcli.engines.paddleseg.crops import Cut, with_scaled_crop
from segcli.errors import ConfigError, ConfigFault
from segcli.inference.preprocess import normalise
from segcli.models.spec import Preprocess

_BOOKKEEPING = ("trans_info", "gt_fields")


@dataclass(frozen=True)
class Focus:
    """Crops that are placed to show a chosen class.

    Attributes:
        share: Share of all crops, 0 to 1.
        ignored: Mask id that is not a class.
    """

    share: float
    ignored: int


class SampleStream:
    """The endless training set: item `d` is position `d` of a `SampleOrder`.

    Args:
        samples: Samples of the training split.
        transforms: PaddleSeg's transforms, in order.
        order: Which sample and which random numbers each position has.
        edge_classes: Number of classes when the loss needs an edge map, else None.
        cache: Keeps decoded images; None decodes each time.
        augment: Returns the augmented image and mask of a position; None for no augmentation.
        focus: Share of the crops that are placed on a chosen class; None for none.

    Raises:
        ConfigError: There is a focus, but no crop among the transforms.
    """

    def __init__(
        self,
        samples: Sequence[SegSample],
        transforms: Sequence[Any],
        order: SampleOrder,
        edge_classes: int | None = None,
        *,
        cache: DecodedCache | None = None,
        augment: Callable[[int], LabelScene] | None = None,
        focus: Focus | None = None,
    ) -> None:
        self._focus = focus
        self._samples = samples
        self._augment = augment
        self._scaled_crop, rest = with_scaled_crop(transforms)
        self._transforms, self._normalize = split_normalize(rest)
        if focus is not None and self._scaled_crop is None:
            message = "is set, but the transforms do not begin with ResizeStepScaling and RandomPaddingCrop"
            raise ConfigError([ConfigFault("Train.crop_focus", message, "set Train.crop_focus=0")])
        self._order = order
        self._edge_classes = edge_classes
        self._cache = cache

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, position: int) -> dict[str, Any]:
        """Reads and transforms one sample.

        Returns:
            ``img`` float32 [channels, H, W] (RGB or bands), ``label`` [H, W], and values that some transforms add.

        Raises:
            DatasetError: A file cannot be read, or image and mask differ in size.
        """
        data = self._transformed(position)
        data["img"] = self._normalised(data["img"])
        if self._edge_classes is not None:
            from paddleseg.transforms import functional

            data["edge"] = functional.mask_to_binary_edge(data["label"], radius=2, num_classes=self._edge_classes)
        return {name: value for name, value in data.items() if name not in _BOOKKEEPING}

    def scene(self, position: int) -> LabelScene:
        """What the network receives at a position, before normalisation; unlabelled pixels are 255."""
        data = self._transformed(position)
        labels = np.asarray(data["label"])
        return LabelScene(_as_bytes(data["img"]), np.where(labels < 0, 255, labels).astype(np.uint8), 255)

    def _transformed(self, position: int) -> dict[str, Any]:
        seed_augmentation(self._order.seed_of(position))
        rgb, mask = self._read(position)
        data: dict[str, Any] = {"img": rgb, "label": mask, "trans_info": [], "gt_fields": ["label"]}
        for transform in self._transforms:
            data = apply_to_bytes(transform, data)
        return data

    def _read(self, position: int) -> tuple[RgbImage, Labels]:
        """Image and mask, already cropped where the transforms begin with scaling and cropping."""
        crop = self._scaled_crop
        if self._augment is not None:
            scene = self._augment(position)
            if crop is None:
                return scene.rgb, scene.mask
            cut = self._focused(scene.mask) or crop.sample(*scene.mask.shape)
            return crop.image(scene.rgb, cut), crop.labels(scene.mask, cut)
        sample = self._samples[self._order.sample(position)]
        if crop is None:
            whole = load(sample, cache=self._cache)
            return whole.rgb, whole.mask.copy()  # transforms change masks in place
        cuts: list[Cut] = []
        if self._focus is not None:
            masked = load_mask(sample, self._cache)
            cuts += [cut for cut in (self._focused(masked),) if cut is not None]

        def factor(height: int, width: int) -> int:
            if not cuts:
                cuts.append(crop.sample(height, width))
            return cuts[0].reduction(height, width)

        loaded = load(sample, factor, self._cache)
        return crop.image(loaded.rgb, cuts[0]), crop.labels(loaded.mask, cuts[0])

    def _focused(self, mask: Labels) -> Cut | None:
        """A crop on a chosen class, drawn with the probability `Focus.share`; else None."""
        if self._focus is None or self._scaled_crop is None or np.random.random() >= self._focus.share:
            return None
        return self._scaled_crop.sample_on(mask, self._focus.ignored)

    def _normalised(self, image: NDArray[Any]) -> NDArray[np.float32]:
        """Normalised, channels first: float32 [channels, H, W]."""
        if self._normalize is None:
            return np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)
        if image.dtype == np.uint8:
            scale = self._normalize
            if scale.channels == 1:  # one mean for all channels, as PaddleSeg's `Normalize` has it where none is given
                scale = Preprocess(mean=scale.mean * image.shape[2], std=scale.std * image.shape[2])
            return np.asarray(normalise([np.ascontiguousarray(image)], scale)[0])
        planes = image.transpose(2, 0, 1).astype(np.float32) / np.float32(255.0)
        mean, std = (np.array(values)[:, None, None] for values in (self._normalize.mean, self._normalize.std))
        return np.ascontiguousarray((planes - mean) / std, np.float32)

    def path_of(self, position: int) -> str:
        """Path of the image at a position, for messages."""
        return str(self._samples[self._order.sample(position)].image)


def _as_bytes(image: NDArray[Any]) -> RgbImage:
    """The image as uint8; normalised values (some below 0) are stretched to 0..255."""
    if image.dtype != np.uint8 and image.min() < 0:
        image = (image - image.min()) * (255 / max(float(image.max() - image.min()), 1e-6))
    return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)
