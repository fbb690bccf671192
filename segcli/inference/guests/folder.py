"""The part of a model's folder that says what a model of another maker is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.inference.graphs import Graph
from segcli.models.guest_card import GuestCard
from segcli.models.guests import INSTANCE, SAM, SEMANTIC

SECTION = "Guest"
KIND_OF_TASK = {"semantic": SEMANTIC, "instance": INSTANCE, "promptable": SAM}


@dataclass(frozen=True)
class Guest:
    """A model of another maker.

    Attributes:
        card: Its card.
        input_name: Of its input.
        dtype: Of its input.
        shape: [N, channels, height, width] of its input, whatever the order in the file; -1 is free.
        output_places: Which of its outputs count, in the order of the card's kind.
    """

    card: GuestCard
    input_name: str
    dtype: str
    shape: tuple[int, int, int, int]
    output_places: tuple[int, ...]

    @property
    def model_name(self) -> str:
        """The kind of the model."""
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
        """The guest of a section; ValueError, KeyError or TypeError where it is none."""
        batch, channels, height, width = (int(side) for side in values["shape"])
        return Guest(
            GuestCard.model_validate(values["card"]),
            str(values["input_name"]),
            str(values["dtype"]),
            (batch, channels, height, width),
            tuple(int(place) for place in values["output_places"]),
        )


def guest_graph(stem: Path, programs: tuple[str, str], weights: str) -> Graph:
    """The network of another maker: an ONNX file, or a program of Paddle.

    Args:
        stem: Path of the ONNX file without its ending.
        programs: Names of programs of Paddle, the new form first.
        weights: Name of their weights.
    """
    program = next((stem.with_name(name) for name in programs if stem.with_name(name).is_file()), None)
    # the converter fails at programs of Paddle 2, which OpenVINO reads itself
    convertible = program is not None and program.name == programs[0]
    return Graph(stem, program, stem.with_name(weights) if program else None, convertible=convertible, foreign=True)
