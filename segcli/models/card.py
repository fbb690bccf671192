"""The card that travels with every checkpoint and every exported model, so that weights keep their meaning."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from segcli.data.classes import IGNORE_INDEX, ClassMap
from segcli.data.files import write_text_atomic
from segcli.data.json_text import read_json
from segcli.data.json_writer import to_json
from segcli.errors import WeightsError
from segcli.models.spec import Preprocess

CARD_FILE = "model_card.json"
CARD_VERSION = 1


@dataclass(frozen=True)
class ModelCard:
    """The meaning of a file's weights.

    Attributes:
        model_name: Name in the table of models.
        class_names: Names in order of their ids.
        ignore_index: Mask id of the pixels that were ignored.
        preprocess: How images became inputs.
        config: The whole configuration of the training, as plain values.
        recipe: How it was trained, by key of the configuration: the value that was used, and its origin.
        iteration: Iterations trained.
        score: Score on the validation split, by name, e.g. ``{"mIoU": 0.91}``; empty when not measured.
        segcli_version: Version that wrote the card.
        inputs: Statistics of the training images, see `segcli.data.fingerprint.images`; empty where they are not known.
        licence: Licence of the official weights that training began with, or that these are; empty for none.
    """

    model_name: str
    class_names: tuple[str, ...]
    ignore_index: int = IGNORE_INDEX
    preprocess: Preprocess = field(default_factory=Preprocess)
    config: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, dict[str, Any]] = field(default_factory=dict)
    iteration: int = 0
    score: dict[str, float] = field(default_factory=dict)
    segcli_version: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    licence: str = ""

    @property
    def classes(self) -> ClassMap:
        """The classes of the model."""
        return ClassMap(self.class_names, self.ignore_index)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON and YAML."""
        return {"card_version": CARD_VERSION, **asdict(self)}

    def save(self, folder: Path) -> Path:
        """Writes the card into `folder`, completely or not at all, and returns its path."""
        path = folder / CARD_FILE
        write_text_atomic(path, to_json(self.as_dict(), indent=2, ensure_ascii=False) + "\n")
        return path

    @staticmethod
    def from_dict(values: dict[str, Any]) -> ModelCard:
        """The card from its plain values; raises KeyError, TypeError or AttributeError when they are not a card."""
        fields = {key: value for key, value in values.items() if key != "card_version"}
        fields["class_names"] = tuple(fields["class_names"])
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in fields["preprocess"].items()
        }
        fields["preprocess"] = Preprocess(**plain)
        return ModelCard(**fields)

    @staticmethod
    def beside(weights: Path) -> ModelCard | None:
        """The card in the folder of a weight file; None when there is none.

        Raises:
            WeightsError: The card exists but cannot be read.
        """
        path = weights.parent / CARD_FILE
        if not path.is_file():
            return None
        try:
            return ModelCard.from_dict(read_json(path))
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            raise WeightsError(
                f"the card of these weights is damaged: {fault}", path=path, hint="train again or remove it"
            ) from fault
