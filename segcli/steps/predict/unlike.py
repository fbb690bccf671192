"""Reports inputs that differ much from the training images; they are still predicted."""

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
    """An input that differs much from the training images, and how."""

    input_path: str | None
    message: str


@dataclass
class UnlikeInputs:
    """Compares inputs with the statistics of the training images in the model card.

    Attributes:
        model: The model.
        found: Inputs that differ much.
    """

    model: ExportedModel
    found: list[Unlike] = field(default_factory=list)

    def watched(self, items: Iterable[SourceItem]) -> Iterator[SourceItem]:
        """Yields the same items, and compares each one on the way."""
        learnt = self.model.card.inputs if self.model.card is not None else {}
        for item in items:
            if learnt and item.rgb is not None:
                message = "; ".join(differences(shown(item.rgb), learnt))
                if message:
                    self._report(item, message)
            yield item

    def _report(self, item: SourceItem, message: str) -> None:
        self.found.append(Unlike(item.input_path, message))
        if len(self.found) <= _LOGGED:
            log.warning("%s is unlike the training images of the model: %s", item.input_path or item.name, message)
        if len(self.found) == _LOGGED:
            log.warning("further inputs unlike the training images are only counted")
