"""Which runtime of a model is the fastest on this processor, where the times beside the model are of another one.

A model is mostly exported where it was trained, and used elsewhere: which of two runtimes is faster there depends on
the processor. The verdicts beside the model hold on any; the times are measured again, once, and kept in the cache of
this machine, because the model may be read-only, or shared by several machines.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence

from segcli.cpu import processor_kind
from segcli.data.json_text import read_json
from segcli.errors import SegcliError
from segcli.inference.exported_model import ExportedModel
from segcli.inference.model_runtime import files_on
from segcli.inference.proofs import Proof, Proofs
from segcli.inference.runtimes.kept_networks import TIMES, keep_bytes, kept_form
from segcli.runtimes import RuntimeRow

log = logging.getLogger("segcli.predict")

_NEAR = 2.0
"""A runtime that took so many times as long as the fastest one elsewhere is not the fastest here."""
_ALIKE = 1.05
"""Runtimes whose times differ by less, which is less than a measurement is certain to, go by how soon they start."""
_TENTHS_MS = 10.0
"""Times below are told with a digit after the point."""

Proven = Sequence[tuple[RuntimeRow, Proof]]
_of_this_process: dict[str, dict[str, float]] = {}
"""Times by the name of their file, for machines where no cache can be written."""


def by_speed(model: ExportedModel, proven: Proven, images: int | None = None) -> list[RuntimeRow]:
    """Runtimes that agree with the model, the fastest on this processor first; those without a time are last.

    Args:
        model: The model.
        proven: Runtimes with their proofs.
        images: How many images it is opened for, where these are so few that its start counts, too; nothing is timed
            for them. None for many.
    """
    times = {row.name: _milliseconds(proof) for row, proof in proven}
    if images is not None:
        return sorted((row for row, _ in proven), key=lambda row: row.start_ms + images * times[row.name])
    ordered = _in_order(proven, times)
    fastest = min(times.values(), default=0.0)
    near = [one for one in ordered if times[one[0].name] <= _NEAR * fastest]
    if len(near) > 1 and not all(proof.is_timed_here for _, proof in near):
        ordered = _in_order(near, _times_here(model, near)) + ordered[len(near) :]
    return [row for row, _ in ordered]


def _in_order(proven: Proven, times: Mapping[str, float]) -> list[tuple[RuntimeRow, Proof]]:
    """By time; what is as fast as the fastest by how soon it starts."""
    fastest = min((times[row.name] for row, _ in proven), default=0.0)
    by_start = sorted(proven, key=lambda one: one[0].start_ms)
    return sorted(by_start, key=lambda one: max(times[one[0].name], _ALIKE * fastest))


def _milliseconds(proof: Proof) -> float:
    return float("inf") if proof.milliseconds is None else proof.milliseconds


def _times_here(model: ExportedModel, near: Proven) -> Mapping[str, float]:
    """Milliseconds by name of the runtime; infinite for one that cannot be opened."""
    what = [processor_kind(), *(f"{proof.version} {sorted(proof.files.items())}" for _, proof in near)]
    name = hashlib.sha256("\n".join(what).encode()).hexdigest()[:16]
    file = kept_form(next(files_on(model, near[0][0])), f"{name}{TIMES}")
    if name not in _of_this_process:
        try:
            known = {} if file is None else {str(key): float(value) for key, value in read_json(file).items()}
        except (OSError, ValueError, TypeError, AttributeError):
            known = {}
        if known.keys() != {row.name for row, _ in near}:
            known = {row.name: _measured(model, row) for row, _ in near}
            log.info("%s: timed on this processor: %s", model.folder, _in_words(known))
            if float("inf") not in known.values():  # what cannot be opened today may be tomorrow
                keep_bytes(file, json.dumps(known).encode())
        _of_this_process[name] = known
    return _of_this_process[name]


def _in_words(times: Mapping[str, float]) -> str:
    return ", ".join(
        f"{name} {_rounded(time)} ms" if time < float("inf") else f"{name} cannot be opened"
        for name, time in times.items()
    )


def _rounded(milliseconds: float) -> str:
    return f"{milliseconds:.1f}" if milliseconds < _TENTHS_MS else f"{milliseconds:.0f}"


def _measured(model: ExportedModel, row: RuntimeRow) -> float:
    from segcli.inference.proving import Prover  # once per model and machine

    try:
        return Prover(model, Proofs(model.folder)).measure(row)
    except SegcliError as fault:
        log.debug("%s cannot be timed: %s", row.name, fault)
        return float("inf")
