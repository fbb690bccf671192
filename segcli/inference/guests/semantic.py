"""Outputs of third-party semantic models, converted to logits [N, classes, h, w] or ids [N, h, w]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segcli.errors import WeightsError
from segcli.inference.activation import Activation
from segcli.inference.decode_labels import inside, softmax
from segcli.inference.preprocess import NetworkInput

if TYPE_CHECKING:
    from segcli.inference.guests.folder import Guest
    from segcli.models.guest_card import GuestCard, GuestOutput


def semantic_output(found: NDArray[Any], card: GuestCard, images: NetworkInput, padded: NetworkInput) -> NDArray[Any]:
    """The output as segcli's models return it, for the part of the input that is not padding.

    Args:
        found: The output of the network.
        card: Card of the model.
        images: The images before padding.
        padded: The images as the network received them.

    Returns:
        Logits or probabilities, float32 [N, classes, h, w]; or ids, int32 [N, h, w].

    Raises:
        WeightsError: The output does not match the card.
    """
    output = _first_channels(found, card)
    rows, columns = inside(output.shape[-2:], images.shape[2:], padded.shape[2:])
    output = output[..., :rows, :columns]
    if card.output.kind == "labels":
        return output.astype(np.int32)
    values = _activated(np.asarray(output, np.float32), card.output)
    if card.output.kind == "binary":
        return np.concatenate([np.full_like(values, card.output.threshold), values], axis=1)
    return values


def activation_of(guest: Guest | None, temperature: float = 1.0) -> Activation:
    """How the outputs of a model become probabilities; they are logits unless a guest's card says otherwise."""
    output = None if guest is None else guest.card.output
    if output is not None and output.kind == "binary":
        return Activation(temperature, "odds")
    given = output is not None and (output.kind == "probabilities" or output.activation != "none")
    return Activation(temperature, "probabilities" if given else "logits")


def _first_channels(found: NDArray[Any], card: GuestCard) -> NDArray[Any]:
    kind, count = card.output.kind, len(card.classes)
    if kind == "labels":
        if found.ndim == 4 and 1 in (found.shape[1], found.shape[-1]):
            found = found[:, 0] if found.shape[1] == 1 else found[..., 0]
        if found.ndim != 3:
            raise _wrong_output(found, "[N, h, w]")
        return found
    if kind == "binary":
        count = 1
        if found.ndim == 3:
            found = found[:, None]
    elif found.ndim == 4 and card.output.layout == "NHWC":
        found = found.transpose(0, 3, 1, 2)
    if found.ndim != 4 or found.shape[1] != count:
        raise _wrong_output(found, f"[N, {count}, h, w]")
    return found


def _activated(values: NDArray[np.float32], output: GuestOutput) -> NDArray[np.float32]:
    if output.activation == "softmax":
        return softmax(values, axis=1)
    if output.activation == "sigmoid":
        return sigmoid(values)
    return values


def sigmoid(values: NDArray[Any]) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -60, 60))), np.float32)


def _wrong_output(found: NDArray[Any], wanted: str) -> WeightsError:
    return WeightsError(
        f"the network gives {list(found.shape)}, its card describes {wanted}",
        hint="correct classes, output.kind, output.layout or output.names in the card, and import it again",
    )
