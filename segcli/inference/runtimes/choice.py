"""Chooses the runtime of a model: the fastest of those that were proven to agree with Paddle."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from segcli.data.temporary import lasting_path
from segcli.errors import MissingPartError, ParityError, SegcliError
from segcli.inference.exported_model import ExportedModel
from segcli.inference.model_runtime import files_on, is_open_to, open_on, reference_runtime
from segcli.inference.precision import HALVES, half_runtime, require_half
from segcli.inference.proofs import Proof, Proofs
from segcli.inference.runtimes.devices import candidates, runs_on
from segcli.inference.runtimes.open_graph import first_line, row_of
from segcli.inference.runtimes.protocol import Runtime
from segcli.inference.speed import by_speed
from segcli.runtimes import AUTO, PADDLE, RuntimeRow, other_runtime

if TYPE_CHECKING:
    from segcli.inference.parity import Reference
    from segcli.inference.proving import Prover

log = logging.getLogger("segcli.predict")


def open_runtime(
    model: ExportedModel,
    wanted: str = AUTO,
    device: str = "cpu",
    *,
    reference: Reference | None = None,
    images: int | None = None,
) -> Runtime:
    """Opens an exported model on a runtime whose outputs agree with the model's own.

    A form that a runtime needs is created at its first use. Files that were never compared with Paddle's program are
    compared before they are used, and the verdict is kept beside the model; see `segcli.inference.proofs`. Without a
    Paddle program in the folder, ONNX Runtime is the reference. A model with 16 bits is not compared: its score was,
    when it was made.

    Args:
        model: The model.
        wanted: Name of the runtime; ``auto`` uses on the CPU the fastest that was proven, on any other device Paddle,
            or ONNX Runtime where Paddle cannot use it.
        device: Where to run, as `devices.inference_device` returns it; the CPU where nothing else runs the model.
        reference: Outputs of the trained network for some images; a runtime that disagrees is not used. For models
            that `export` has not compared.
        images: How many images it is opened for, where these are so few that the start of a runtime counts, too.

    Raises:
        ConfigError: There is no runtime of this name.
        MissingPartError: The requested runtime is not installed, cannot open the model, or has no file in the folder;
            or the device does not have the model's numbers of 16 bits.
        UsageError: The requested runtime does not compute with 16 bits, and the model does.
        WeightsError: Reading the file would crash this process, or use all its memory or time.
        ExportError: The conversion that the requested runtime needs failed.
        ParityError: The outputs of the requested runtime differ from the model's.
    """
    proofs = Proofs(model.folder)
    device = _possible(model, wanted, device)
    if model.precision in HALVES:
        name = half_runtime(wanted, device)
        require_half(model.precision, device)
        return open_on(model, name, device)
    if wanted != AUTO:
        return _open_proven(model, row_of(wanted), device, reference, proofs)
    faults: list[str] = []
    for row in _by_speed(model, device, reference, proofs, faults, images=images):
        try:
            runtime = _open_proven(model, row, device, reference, proofs)
        except SegcliError as fault:
            faults.append(f"{row.name}: {first_line(fault)}")
            continue
        if faults:
            log.warning("%s runs on %s, because %s", lasting_path(model.folder), row.name, "; ".join(faults))
        return runtime
    raise MissingPartError("no runtime can open this model: " + "; ".join(faults), path=model.folder)


def _possible(model: ExportedModel, wanted: str, device: str) -> str:
    """The device, or the CPU where no runtime can run the model there, which is logged."""
    if device == "cpu":
        return device
    half = model.precision in HALVES
    rows = [row for row in candidates(AUTO if half else wanted) if row.name == PADDLE or not half]
    if any(runs_on(row, device) and is_open_to(model, row) for row in rows):
        return device
    log.warning("%s runs on the CPU: no runtime that computes on %s can open it", lasting_path(model.folder), device)
    return "cpu"


def _open_proven(
    model: ExportedModel, row: RuntimeRow, device: str, reference: Reference | None, proofs: Proofs
) -> Runtime:
    """Opens a runtime after comparing its outputs: with `reference` if it is given, else with the reference runtime."""
    if reference is not None:
        from segcli.inference.parity import compare
        from segcli.inference.proving import TOLERANCE

        runtime = open_on(model, row.name, device)
        compare(runtime, model.folder, reference, TOLERANCE)
        return runtime
    if reference_runtime(model) not in (None, row.name):
        proof = proofs.find(row, files_on(model, row)) or _prover(model, proofs).prove(row)
        _require_agreement(model, proof)
    return open_on(model, row.name, device)


def _prover(model: ExportedModel, proofs: Proofs) -> Prover:
    from segcli.inference.proving import Prover  # once per file: nearly every run finds its proof

    return Prover(model, proofs)


def _require_agreement(model: ExportedModel, proof: Proof) -> None:
    if not proof.agrees:
        raise ParityError(
            f"{proof.runtime} gives other answers than {reference_runtime(model)}: {proof.detail}",
            path=model.folder,
            hint=other_runtime(AUTO, reference_runtime(model) or PADDLE),
        )


def _by_speed(
    model: ExportedModel,
    device: str,
    reference: Reference | None,
    proofs: Proofs,
    faults: list[str],
    *,
    images: int | None,
) -> Iterator[RuntimeRow]:
    """The runtimes to try, the fastest first; those that were not measured yet are measured now."""
    able = [row for row in candidates(AUTO) if is_open_to(model, row)]
    if device != "cpu":  # times were taken on the CPU
        yield from (row for row in able if runs_on(row, device))
        return
    if len(able) < 2 or reference is not None or reference_runtime(model) is None:
        # nothing to choose from, or nothing to compare with: Paddle last
        yield from sorted(able, key=lambda row: row.name == PADDLE)
        return
    prover: Prover | None = None
    proven: list[tuple[RuntimeRow, Proof]] = []
    for row in able:
        try:
            proof = proofs.find(row, files_on(model, row))
            if proof is None:
                prover = prover or _prover(model, proofs)
                proof = prover.prove(row)
            _require_agreement(model, proof)
        except SegcliError as fault:
            faults.append(f"{row.name}: {first_line(fault)}")
            continue
        proven.append((row, proof))
    yield from by_speed(model, proven, images)
