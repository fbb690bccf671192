"""Packs instance models whose objects have boxes, and masks from maps of the whole image."""

from __future__ import annotations

from typing import Any

import numpy as np

from segcli.inference.exported_model import DRAW_THRESHOLD, ExportedModel
from segcli.inference.guests.inputs import GuestInputs
from segcli.models.guest_card import GuestInput, GuestOutput
from segcli.models.instance.table import MaskForm
from segcli.steps.guests.network_file import NetworkFile
from segcli.steps.pack.example import objects_example_for
from segcli.steps.pack.facts import class_names, input_facts, own_input, refusal
from segcli.steps.pack.packing import MODEL, Packing, compared, whole_network

_OWN = {MaskForm.CUT_PROTOTYPES: True, MaskForm.PROTOTYPES: False}
"""Forms of masks that the example knows -> whether they are probabilities that end at the box; else logits."""
_BACKGROUND = {"none": [0, None], "first": [1, None], "last": [0, -1]}
"""The classes of DETR's logits that are objects, as a slice."""


def pack_instance(model: ExportedModel) -> Packing:
    """See `Packing`.

    Raises:
        UsageError: The example does not know how its images are prepared or its masks are made.
    """
    form = model.mask_form
    if form is None or form not in _OWN:
        raise refusal(model, "its masks need more than the example does")
    if model.guest is None and (model.preprocess.keep_ratio or model.preprocess.area):
        raise refusal(model, "its images are prepared in another way than the example does")
    path = whole_network(model)
    network = NetworkFile.read(path)
    scale = own_input(model, "image") if model.guest is None else model.guest.card.input
    decoding = _own(network) if model.guest is None else _guest(model.guest.card.output, network, model)
    facts = {
        "classes": list(class_names(model)),
        **input_facts(model, scale, network),
        **_placing(model, scale),
        **decoding,
        "cut": _OWN[form],
    }
    return Packing({MODEL: path}, facts, objects_example_for(str(facts["kind"])), compared(model), class_names(model))


def _placing(model: ExportedModel, scale: GuestInput) -> dict[str, Any]:
    """How an image is brought to the size of the input; the padding in normalised values of the network's channels."""
    padding = np.zeros((scale.count, 1, 1))
    if model.guest is not None:
        inputs = GuestInputs(scale, model.guest.dtype)
        padding = inputs(np.broadcast_to(inputs.padding()[None], (1, len(model.preprocess.mean), 1, 1)))
    return {
        "size": list(model.input_size or model.preprocess.size or ()),
        "resize": scale.resize,
        "cubic": model.preprocess.cubic,
        "pad": np.asarray(padding, float).reshape(-1).tolist(),
    }


def _own(network: NetworkFile) -> dict[str, Any]:
    """The outputs of PaddleDetection's networks: boxes, their number, coefficients, prototypes."""
    return {
        "kind": "own",
        "outputs": [port.name for port in network.outputs],
        "threshold": DRAW_THRESHOLD,
    }


def _guest(output: GuestOutput, network: NetworkFile, model: ExportedModel) -> dict[str, Any]:
    assert model.guest is not None
    return {
        "kind": output.kind,
        "outputs": [network.outputs[place].name for place in model.guest.output_places],
        "threshold": output.threshold,
        "iou": output.iou,
        "most": output.most,
        "activation": output.activation,
        "centres": output.kind == "yolo" or output.boxes == "cxcywh",
        "classes_at": _BACKGROUND[output.background],
        "maps_last": output.layout == "NHWC",
    }
