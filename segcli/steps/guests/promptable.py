"""Imports a SAM-like encoder and decoder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from segcli.data.files import sha256_of, whole_folder
from segcli.errors import ConfigError, ConfigFault, WeightsError
from segcli.inference.exported_model import ExportedModel
from segcli.inference.guests.folder import Guest
from segcli.inference.parity_samples import generated_image
from segcli.inference.proofs import Proof, Proofs
from segcli.inference.proving import TOLERANCE, time_job
from segcli.inference.runtimes.open_graph import first_line
from segcli.inference.square_input import SquareInput
from segcli.models.guest_card import GuestCard
from segcli.models.promptable.specs import form_of_guest
from segcli.promptable.guest import DECODER, ENCODER, MASKS, PLACES, SCORES, SamGuest, matched, open_guest_sam
from segcli.promptable.protocols import FloatArray, SamBackend
from segcli.runtimes import RuntimeRow, runtimes
from segcli.steps.guests.imported import Imported, copy_network, manifest_values
from segcli.steps.guests.network_file import NetworkFile, external_files
from segcli.steps.guests.ports import input_of, port_named
from segcli.weights.manifest import write_manifest

_OWN = "onnxruntime"


def import_promptable(network: Path, card: GuestCard, file: NetworkFile, target: Path, card_file: Path) -> Imported:
    """Imports the encoder file and the decoder that the card names, beside it.

    Raises:
        ConfigError: The card does not match the files.
        WeightsError: They cannot be opened or run.
    """
    assert card.decoder is not None and card.input.size is not None
    decoder = network.parent / card.decoder
    inner = NetworkFile.read(decoder)
    names = matched([port.name for port in inner.inputs], PLACES)
    strange = [port.name for port in inner.inputs if port.name not in names.values()]
    if strange or not {"embedding", "coords", "labels"} <= names.keys():
        message = f"takes {', '.join(map(str, inner.inputs))}; known are SAM's embedding, points, labels, mask and size"
        raise ConfigError([ConfigFault(f"{card_file.name} decoder", message)])
    embedding = port_named(file.outputs, (card.output.names or (None,))[0], f"{card_file.name} output.names")
    guest = Guest(card, *input_of(file, card, card_file), (file.outputs.index(embedding),))
    there = [port.name for port in inner.outputs]
    places = [next((there.index(name) for name in words if name in there), None) for words in (MASKS, SCORES)]
    if places[0] is None or places[1] is None:
        message = f"gives {', '.join(there)}; masks and their scores must be among them"
        raise ConfigError([ConfigFault(f"{card_file.name} decoder", message)])
    files = (network, *external_files(network), decoder, *external_files(decoder))
    sha256 = hashlib.sha256(" ".join(map(sha256_of, files)).encode()).hexdigest()
    side = max(card.input.size) // 4
    described = SamGuest(guest, names, (places[0], places[1]), side, sha256)
    with whole_folder(target) as folder:
        copy_network(network, folder / f"{ENCODER}.onnx")
        copy_network(decoder, folder / f"{DECODER}.onnx")
        write_manifest(folder, manifest_values(card, described.as_dict()))
        proofs, faults = _tried(ExportedModel.open(folder))
    return Imported(target, card, file.inputs, file.outputs, proofs, faults)


def _tried(model: ExportedModel) -> tuple[tuple[Proof, ...], tuple[str, ...]]:
    """Runs one point prompt on a generated image on every installed runtime.

    Raises:
        WeightsError: ONNX Runtime cannot run the model.
    """
    proofs, faults = [], []
    expected: tuple[FloatArray, FloatArray] | None = None
    prepare = SquareInput.of(form_of_guest(model.preprocess), model.preprocess)
    able = [row for row in runtimes().values() if row.is_installed and ".onnx" in row.reads]
    for row in sorted(able, key=lambda row: row.name != _OWN):
        try:
            backend = open_guest_sam(model, row.name, "cpu")
            found = answer_to_a_click(backend, prepare)
        except Exception as fault:  # any: each runtime has its own exceptions
            if expected is None:
                raise WeightsError(
                    f"the networks do not run: {first_line(fault)}",
                    path=model.folder,
                    hint="correct the input in the card",
                ) from fault
            faults.append(f"{row.name}: {first_line(fault)}")
            continue
        expected = expected or found
        proofs.append(
            _proof(model, row, click_difference(found, expected), partial(answer_to_a_click, backend, prepare))
        )
    return tuple(proofs), tuple(faults)


def answer_to_a_click(backend: SamBackend, prepare: SquareInput) -> tuple[FloatArray, FloatArray]:
    """Masks and scores for a click into the middle of a generated image."""
    image, placement = prepare(generated_image())
    embedding = backend.encode(image)
    middle = placement.to_model(np.array([[[160.0, 128.0], [0.0, 0.0]]]))
    nothing = np.zeros((1, 1, backend.mask_side, backend.mask_side), np.float32)
    return backend.decode(embedding, middle, np.array([[1, -1]], np.float32), nothing, np.zeros(1, np.float32))


def click_difference(found: tuple[FloatArray, FloatArray], expected: tuple[FloatArray, FloatArray]) -> float:
    """The largest difference, relative to the largest value."""
    off = max(float(np.abs(one - other).max()) for one, other in zip(found, expected, strict=True))
    return off / (max(float(np.abs(one).max()) for one in expected) or 1.0)


def _proof(model: ExportedModel, row: RuntimeRow, off: float, job: Callable[[], object]) -> Proof:
    """Keeps a verdict, with the time of `job` where the runtime agrees."""
    detail = "the model itself" if row.name == _OWN else f"off by {off:.1e} of the largest"
    files = [model.folder / f"{stem}.onnx" for stem in (ENCODER, DECODER)]
    milliseconds = time_job(job) if off <= TOLERANCE else None
    return Proofs(model.folder).keep(row, files, agrees=off <= TOLERANCE, detail=detail, milliseconds=milliseconds)
