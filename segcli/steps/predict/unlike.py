"""Tells which inputs are far from what the model has learnt from; they are answered all the same."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from segcli.data.fingerprint.outside import differences
from segcli.data.image import shown
from segcli.data.sources import SourceItem
from segcli.inference.exported_model import ExportedModel

log = logging.getLogger("segcli.predict")

_LOGGED = 5


@dataclass(frozen=True)
class Unlike:
    """An input that lies far outside of the training images, and in what."""

    input_path: str | None
    message: str


@dataclass
class UnlikeInputs:
    """Compares inputs with the training images that the model's card describes.

    Attributes:
        model: The model.
        found: Inputs that are far away.
    """

    model: ExportedModel
    found: list[Unlike] = field(default_factory=list)

    def watched(self, items: Iterable[SourceItem]) -> Iterator[SourceItem]:
        """The same items, each looked at while it passes."""
        learnt = self.model.card.inputs if self.model.card is not None else {}
        for item in items:
            if learnt and item.rgb is not None:
                told = "; ".join(differences(shown(item.rgb), learnt))
                if told:
                    self._tell(item, told)
            yield item

    def _tell(self, item: SourceItem, told: str) -> None:
        self.found.append(Unlike(item.input_path, told))
        if len(self.found) <= _LOGGED:
            log.warning(
                "%s is unlike the images that the model has learnt from: %s", item.input_path or item.name, told
            )
        if len(self.found) == _LOGGED:
            log.warning("further inputs that are unlike them are only counted")
