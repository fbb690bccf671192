"""Packs models that answer clicks: Segment Anything and pairs of encoder and decoder like it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from segcli.errors import ParityError
from segcli.inference.exported_model import ExportedModel
from segcli.inference.guests.inputs import GuestInputs
from segcli.inference.proofs import Proofs, document_of, version_of
from segcli.inference.proving import TOLERANCE
from segcli.inference.square_input import SquareInput
from segcli.models.guest_card import GuestInput
from segcli.models.promptable.specs import PROMPTABLE, PromptKind
from segcli.promptable.exported import DECODER_INPUTS, IMAGE, ExportedParts, open_exported
from segcli.promptable.guest import DECODER, ENCODER, SamGuest
from segcli.promptable.protocols import FloatArray
from segcli.runtimes import ONNX_RUNTIME, PADDLE, runtimes
from segcli.steps.guests.network_file import NetworkFile
from segcli.steps.guests.promptable import answer_to_a_click, click_difference
from segcli.steps.pack.example import prompt_example
from segcli.steps.pack.facts import input_facts, own_input, refusal
from segcli.steps.pack.packing import Packing

_MEANINGS = ("embedding", "coords", "labels", "mask", "has_mask")
"""What the inputs of our own decoders mean, in the order of `DECODER_INPUTS`."""


def pack_promptable(model: ExportedModel) -> Packing:
    """See `Packing`.

    Raises:
        UsageError: The model takes texts.
        MissingPartError: The ONNX files cannot be made.
    """
    if model.guest is None and PROMPTABLE[model.model_name].prompt_kind is PromptKind.TEXTS:
        raise refusal(model, "its texts need its tokenizer")
    return _own(model) if model.guest is None else _guest(model)


def _guest(model: ExportedModel) -> Packing:
    described = SamGuest.open(model.folder)
    networks = {stem: model.folder / f"{stem}.onnx" for stem in (ENCODER, DECODER)}
    guest, scale = described.guest, described.guest.card.input
    encoder, decoder = (NetworkFile.read(file) for file in networks.values())
    inputs = GuestInputs(scale, guest.dtype)
    padding = inputs(np.zeros((1, len(model.preprocess.mean), 1, 1), np.float32))
    facts = {
        **input_facts(model, scale, encoder),
        "encoders": [[ENCODER, guest.input_name, encoder.outputs[guest.output_places[0]].name]],
        "decoder_inputs": dict(described.inputs),
        "decoder_outputs": [decoder.outputs[place].name for place in described.outputs],
        **_sides(max(scale.size or (0,)), described.mask_side, padding),
    }
    return Packing(networks, facts, prompt_example(), document_of(Proofs(model.folder).kept()))


def _own(model: ExportedModel) -> Packing:
    parity = _parity(model)  # opening it makes the ONNX files where they are missing
    parts = ExportedParts.open(model.folder)
    networks = {stem: model.folder / f"{stem}.onnx" for stems in parts.names.values() for stem in stems}
    (decoder,) = parts.names[DECODER]
    read = {stem: NetworkFile.read(file) for stem, file in networks.items()}
    scale: GuestInput = own_input(model, IMAGE)
    facts = {
        **input_facts(model, scale, read[parts.names[ENCODER][0]]),
        "encoders": [[stem, IMAGE, read[stem].outputs[0].name] for stem in parts.names[ENCODER]],
        "decoder_inputs": dict(zip(_MEANINGS, DECODER_INPUTS, strict=True)),
        "decoder_outputs": [port.name for port in read[decoder].outputs],
        **_sides(PROMPTABLE[model.model_name].side, parts.mask_side, np.zeros(scale.count)),
    }
    return Packing(networks, facts, prompt_example(), parity)


def _sides(side: int, mask_side: int, padding: Any) -> dict[str, Any]:
    return {"side": side, "mask_side": mask_side, "pad": np.asarray(padding, float).reshape(-1).tolist()}


def _parity(model: ExportedModel) -> Mapping[str, Any]:
    """How far ONNX Runtime is from Paddle for a click on a generated image, in the form of the proofs of other models.

    Raises:
        ParityError: Too far.
    """
    prepare = SquareInput.of(PROMPTABLE[model.model_name], model.preprocess)
    found: dict[str, tuple[FloatArray, FloatArray]] = {}
    for name in (PADDLE, ONNX_RUNTIME):
        backend: Any = open_exported(model, name, "cpu")[0]
        found[name] = answer_to_a_click(backend, prepare)
    off = click_difference(found[ONNX_RUNTIME], found[PADDLE])
    detail = f"off by {off:.1e} of the largest"
    if off > TOLERANCE:
        raise ParityError(f"its masks on {ONNX_RUNTIME} are {detail}", path=model.folder, hint="report the model")
    versions = {name: version_of(runtimes()[name]) for name in found}
    proofs = [
        {"runtime": name, "version": versions[name], "agrees": True, "detail": said}
        for name, said in ((PADDLE, "the model itself"), (ONNX_RUNTIME, detail))
    ]
    return {"proofs": proofs}
