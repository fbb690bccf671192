"""The section of a model folder's manifest that describes a third-party model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segcli.inference.graphs import Graph
from segcli.models.guests import KIND_OF_TASK

if TYPE_CHECKING:
    from segcli.models.guest_card import GuestCard


@dataclass(frozen=True)
class Guest:
    """A third-party model.

    Attributes:
        card: Its card.
        input_name: Name of its input.
        dtype: NumPy type of its input.
        shape: [N, channels, height, width] of its input, whatever the layout in the file; -1 is free.
        output_places: Indices of the outputs that are used, in the order of the card's kind.
    """

    card: GuestCard
    input_name: str
    dtype: str
    shape: tuple[int, int, int, int]
    output_places: tuple[int, ...]

    @property
    def model_name(self) -> str:
        """The name of its kind in the table of models."""
        return KIND_OF_TASK[self.card.task]

    def as_dict(self) -> dict[str, Any]:
        """The section of the manifest."""
        return {
            "card": self.card.model_dump(mode="json", exclude_unset=True),
            "input_name": self.input_name,
            "dtype": self.dtype,
            "shape": list(self.shape),
            "output_places": list(self.output_places),
        }

    @staticmethod
    def of(values: dict[str, Any]) -> Guest:
        """Parses the section of a manifest.

        Raises:
            KeyError: A key is missing.
            ValueError: A value is invalid.
            TypeError: A value has another type.
        """
        from segcli.models.guest_card import GuestCard

        batch, channels, height, width = (int(side) for side in values["shape"])
        return Guest(
            GuestCard.model_validate(values["card"]),
            str(values["input_name"]),
            str(values["dtype"]),
            (batch, channels, height, width),
            tuple(int(place) for place in values["output_places"]),
        )


def guest_graph(stem: Path, programs: tuple[str, str], weights: str) -> Graph:
    """The network of a third-party model: an ONNX file, or a Paddle program.

    Args:
        stem: Path of the ONNX file without suffix.
        programs: File names of Paddle programs, the new format first.
        weights: File name of their weights.
    """
    program = next((stem.with_name(name) for name in programs if stem.with_name(name).is_file()), None)
    # the converter fails on programs of Paddle 2; OpenVINO reads them directly
    convertible = program is not None and program.name == programs[0]
    return Graph(stem, program, stem.with_name(weights) if program else None, convertible=convertible, foreign=True)
