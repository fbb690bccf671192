"""`models import`: converts a model from another tool to a folder that every command accepts."""

from __future__ import annotations

from pathlib import Path

from segcli.data.files import whole_folder
from segcli.errors import SegcliError, UsageError, WeightsError
from segcli.inference.exported_model import ONNX_FILE, ExportedModel
from segcli.inference.guests.folder import Guest
from segcli.inference.model_runtime import is_open_to, reference_runtime
from segcli.inference.proofs import Proof, Proofs
from segcli.inference.proving import Prover
from segcli.inference.runtimes.open_graph import first_line
from segcli.models.guest_card import read_card
from segcli.runtimes import runtimes
from segcli.steps.guests.imported import Imported, copy_network, manifest_values
from segcli.steps.guests.network_file import NetworkFile
from segcli.steps.guests.ports import input_of, output_places
from segcli.weights.guest_home import guest_home
from segcli.weights.manifest import write_manifest


def import_guest(network: Path, card_file: Path, out: Path | None = None) -> Imported:
    """Imports an ONNX file with its card; the folder appears only after a trial run on every installed runtime.

    Args:
        network: The ONNX file; for a promptable model, the encoder.
        card_file: The card, see `segcli.models.guest_card`.
        out: The new folder; None uses the name in the card, among the imported models.

    Raises:
        ConfigError: The card has faults, or does not match the file.
        WeightsError: The file cannot be opened, or its outputs do not match the card.
        UsageError: The folder exists and holds something else.
    """
    card = read_card(card_file)
    target = out or guest_home() / card.name
    if target.exists() and not (target / "inference.yml").is_file() and any(target.iterdir()):
        raise UsageError("holds something else", path=target, hint="give another --out")
    file = NetworkFile.read(network)
    if card.takes_prompts:
        from segcli.steps.guests.promptable import import_promptable

        return import_promptable(network, card, file, target, card_file)
    guest = Guest(card, *input_of(file, card, card_file), output_places(file, card, card_file))
    with whole_folder(target) as folder:
        copy_network(network, folder / ONNX_FILE)
        write_manifest(folder, manifest_values(card, guest.as_dict()))
        proofs, faults = _tried(ExportedModel.open(folder))
    return Imported(target, card, file.inputs, file.outputs, proofs, faults)


def _tried(model: ExportedModel) -> tuple[tuple[Proof, ...], tuple[str, ...]]:
    """Runs the model on a generated image on every installed runtime.

    Raises:
        WeightsError: ONNX Runtime cannot run it, or its outputs do not match the card.
    """
    own = reference_runtime(model)
    prover = Prover(model, Proofs(model.folder))
    proofs, faults = [], []
    for row in sorted(runtimes().values(), key=lambda row: row.name != own):
        if not row.is_installed or not is_open_to(model, row):
            continue
        try:
            proofs.append(prover.prove(row))
        except WeightsError:
            raise
        except Exception as fault:  # any: each runtime has its own exceptions
            if row.name == own:
                raise WeightsError(
                    f"the network does not run: {first_line(fault)}",
                    path=model.folder / ONNX_FILE,
                    hint="correct input.size, input.stride, input.layout or input.channels in the card",
                ) from fault
            faults.append(f"{row.name}: {first_line(fault)}")
    return tuple(proofs), tuple(faults)


def listed() -> list[tuple[str, str, str, str]]:
    """Name, task, licence and folder of the imported models; damaged folders are marked."""
    from segcli.weights.guest_home import guest_folders

    rows = []
    for folder in guest_folders():
        try:
            guest = ExportedModel.open(folder).guest
        except SegcliError as fault:
            rows.append((folder.name, "damaged", fault.message, str(folder)))
            continue
        if guest is not None:
            rows.append((guest.card.name, guest.card.task, guest.card.licence, str(folder)))
    return rows
