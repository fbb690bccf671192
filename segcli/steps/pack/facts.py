"""What a program must know about the ONNX file of a semantic model, as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from segcli.inference.exported_model import ExportedModel
from segcli.models.guest_card import GuestCard, GuestInput, GuestOutput
from segcli.steps.guests.network_file import NetworkFile, Port

_ORDER = {"RGB": [0, 1, 2], "BGR": [2, 1, 0]}
_KINDS = {"probabilities": "logits"}


def network_facts(model: ExportedModel, file: Path) -> dict[str, Any]:
    """Returns names, types, preprocessing and the meaning of the output.

    Args:
        model: The model.
        file: Its ONNX file.
    """
    network = NetworkFile.read(file)
    card = model.guest.card if model.guest is not None else _own_card(model, network.outputs[0])
    place = 0 if model.guest is None else model.guest.output_places[0]
    port = next((one for one in network.inputs if one.name == card.input.name), network.inputs[0])
    channels = card.input.channels
    return {
        "input": port.name,
        "dtype": port.dtype or "float32",
        "layout": card.input.layout,
        "shape": list(port.shape),
        "size": list(model.input_size) if model.input_size else None,
        "channels": _ORDER[channels] if isinstance(channels, str) else [band - 1 for band in channels],
        "white": card.input.white,
        "mean": list(card.input.means),
        "std": list(card.input.stds),
        "resize": "bilinear, stretched",
        "output": network.outputs[place].name,
        "output_shape": list(network.outputs[place].shape),
        "kind": _KINDS.get(card.output.kind, card.output.kind),
        "output_layout": card.output.layout,
        "threshold": _threshold(card.output),
    }


def _own_card(model: ExportedModel, output: Port) -> GuestCard:
    """A card for one of segcli's own models."""
    scale = model.preprocess
    names = model.class_names or tuple(f"class {index}" for index in range(256))
    return GuestCard(
        name="own",
        task="semantic",
        classes=names,
        input=GuestInput(mean=tuple(scale.mean), std=tuple(scale.std), channels=_channels(len(scale.mean))),
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
