"""What a program must know about the ONNX file of a model, as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.errors import UsageError
from segcli.inference.exported_model import ExportedModel
from segcli.inference.guests.inputs import LUMA
from segcli.models.guest_card import GuestCard, GuestInput, GuestOutput
from segcli.steps.guests.network_file import NetworkFile, Port

_ORDER: dict[str, NDArray[Any]] = {"RGB": np.eye(3), "BGR": np.eye(3)[::-1], "GREY": LUMA[:, None]}
"""Matrices from red, green, blue to the channels of the network."""
_KINDS = {"probabilities": "logits"}
_WHITE = 255
_AXES = {"NCHW": [0, 3, 1, 2], "NHWC": [0, 1, 2, 3]}
"""Axes of [1, H, W, C] in the order of the input."""


def network_facts(model: ExportedModel, file: Path) -> dict[str, Any]:
    """Returns names, types, preprocessing and the meaning of the output of a semantic model.

    Args:
        model: The model.
        file: Its ONNX file.

    Raises:
        UsageError: Its images are prepared in a way that the example does not know.
    """
    network = NetworkFile.read(file)
    card = model.guest.card if model.guest is not None else _own_card(model, network.outputs[0])
    place = 0 if model.guest is None else model.guest.output_places[0]
    if card.input.resize != "stretch" or model.preprocess.keep_ratio:
        raise refusal(model, "its images keep their ratio")
    return {
        "classes": list(class_names(model)),
        **input_facts(model, card.input, network),
        "size": list(model.input_size) if model.input_size else None,
        "stride": card.input.stride,
        "area": model.preprocess.area,
        "output": network.outputs[place].name,
        "output_shape": list(network.outputs[place].shape),
        "kind": _KINDS.get(card.output.kind, card.output.kind),
        "output_axes": _output_axes(network.outputs[place], card.output),
        "threshold": _threshold(card.output),
    }


def input_facts(model: ExportedModel, scale: GuestInput, network: NetworkFile) -> dict[str, Any]:
    """What any example must know of the input: its name and form, and how values of an image become those of it.

    Raises:
        UsageError: The range of its images is not the same for all.
    """
    if model.preprocess.image_range == "percentile":
        raise refusal(model, "the range of its images is found per image")
    port = next((one for one in network.inputs if one.name == scale.name), network.inputs[0])
    black, white = _range(model)
    return {
        "input": port.name,
        "dtype": port.dtype or "float32",
        "axes": _AXES[scale.layout],
        "shape": list(port.shape),
        "black": black,
        "gain": _WHITE / (white - black),
        "channels": _channel_matrix(scale).tolist(),
        **_mean_and_std(scale, port.dtype or "float32"),
    }


def own_input(model: ExportedModel, name: str | None = None) -> GuestInput:
    """The input of one of segcli's own models, as a card describes it."""
    scale = model.preprocess
    return GuestInput(name=name, mean=tuple(scale.mean), std=tuple(scale.std), channels=_channels(len(scale.mean)))


def refusal(model: ExportedModel, reason: str) -> UsageError:
    """The error for a model that the example cannot run."""
    return UsageError(f"{model.title} cannot be packed: {reason}", hint="segcli predict and serve run it")


def class_names(model: ExportedModel) -> tuple[str, ...]:
    """Names of the classes; numbers where the model has none."""
    return model.class_names or tuple(f"class {index}" for index in range(256))


def _range(model: ExportedModel) -> tuple[float, float]:
    """Values of black and white in a file."""
    found = model.preprocess.image_range
    return (float(found[0]), float(found[1])) if isinstance(found, tuple) else (0.0, float(_WHITE))


def _channel_matrix(scale: GuestInput) -> NDArray[Any]:
    """The matrix from the channels of an image to those of the network."""
    if isinstance(scale.channels, str):
        return _ORDER[scale.channels]
    return np.eye(scale.bands or scale.count)[:, [band - 1 for band in scale.channels]]


def _mean_and_std(scale: GuestInput, dtype: str) -> dict[str, list[float]]:
    """Mean and standard deviation of the network's channels, in values of 8 bits."""
    if dtype == "uint8":  # such a network takes the values as they are
        return {"mean": [0.0] * scale.count, "std": [1.0] * scale.count}
    factor = _WHITE / scale.white
    return {"mean": [factor * one for one in scale.means], "std": [factor * one for one in scale.stds]}


def _output_axes(port: Port, output: GuestOutput) -> list[int]:
    """Axes of one output, [C, H, W] or as its layout says, in the order [H, W, C]."""
    has_channels = len(port.shape) == len(_AXES["NCHW"])
    return [1, 2, 0] if has_channels and output.layout == "NCHW" else [0, 1, 2]


def _own_card(model: ExportedModel, output: Port) -> GuestCard:
    """A card for one of segcli's own models."""
    return GuestCard(
        name="own",
        task="semantic",
        classes=class_names(model),
        input=own_input(model),
        output=GuestOutput(kind="labels" if output.kind in ("tensor(int32)", "tensor(int64)") else "logits"),
    )


def _channels(count: int) -> Any:
    return "RGB" if count == 3 else tuple(range(1, count + 1))


def _threshold(output: GuestOutput) -> float:
    """Threshold of the second class in terms of the raw network output."""
    if output.activation != "sigmoid":
        return output.threshold
    import math

    inner = min(max(output.threshold, 1e-6), 1 - 1e-6)
    return math.log(inner / (1 - inner))
