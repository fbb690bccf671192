"""Reports inputs that differ much from the training images; they are still predicted."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from segcli.data.fingerprint.outside import differences, is_larger
from segcli.data.image import RgbImage, shown
from segcli.data.sources import SourceItem
from segcli.inference.exported_model import ExportedModel
from segcli.inference.tiling import Tiling

log = logging.getLogger("segcli.predict")

_LOGGED = 5


@dataclass(frozen=True)
class Unlike:
    """An input that differs much from the training images, and how."""

    input_path: str | None
    message: str


@dataclass
class UnlikeInputs:
    """Compares inputs with the statistics of the training images in the model card.

    Attributes:
        model: The model.
        tiling: How images are split into tiles; None for a model that takes none.
        found: Inputs that differ much.
    """

    model: ExportedModel
    tiling: Tiling | None = None
    found: list[Unlike] = field(default_factory=list)

    def watched(self, items: Iterable[SourceItem]) -> Iterator[SourceItem]:
        """Yields the same items, and compares each one on the way."""
        learnt = self.model.card.inputs if self.model.card is not None else {}
        for item in items:
            if learnt and item.rgb is not None:
                rgb = shown(item.rgb)
                message = "; ".join(differences(rgb, learnt))
                if message:
                    self._report(item, message + (self._tiles(rgb) if is_larger(rgb, learnt) else ""))
            yield item

    def _tiles(self, rgb: RgbImage) -> str:
        """What cuts a large image into tiles, where the network makes things in it too small to be found."""
        resizes = self.model.input_size is not None or self.model.preprocess.size is not None
        if self.tiling is None or not resizes or self.tiling.of((rgb.shape[0], rgb.shape[1])) is not None:
            return ""
        window = self.tiling.window
        sides = {"crop_size": window.crop_size, "stride": window.stride}
        words = (f"-o Predict.sliding_window.{key}=[{width},{height}]" for key, (width, height) in sides.items())
        return f"; in tiles things keep their size: {' '.join(words)}"

    def _report(self, item: SourceItem, message: str) -> None:
        self.found.append(Unlike(item.input_path, message))
        if len(self.found) <= _LOGGED:
            log.warning("%s is unlike the training images of the model: %s", item.input_path or item.name, message)
        if len(self.found) == _LOGGED:
            log.warning("further inputs unlike the training images are only counted")
