"""How fast a model is, by the verdicts that are kept beside it."""

from __future__ import annotations

from segcli.inference.exported_model import ExportedModel
from segcli.inference.model_runtime import files_on
from segcli.inference.proofs import Proofs
from segcli.runtimes import runtimes


def fastest(model: ExportedModel) -> float | None:
    """Milliseconds of one image on the fastest runtime that was proven on this processor; None if none was timed."""
    proofs = Proofs(model.folder)
    found = [proofs.find(row, files_on(model, row)) for row in runtimes().values()]
    times = [proof.milliseconds for proof in found if proof is not None and proof.agrees and proof.is_timed_here]
    return min((one for one in times if one is not None), default=None)
