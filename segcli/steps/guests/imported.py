"""The result and the files of an import."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.inference.proofs import Proof
from segcli.models.guest_card import GuestCard
from segcli.models.guests import KIND_OF_TASK, SECTION
from segcli.steps.guests.network_file import PADDLE_SUFFIXES, Port, external_files


@dataclass(frozen=True)
class Imported:
    """An imported model from another tool.

    Attributes:
        folder: Its folder.
        card: Its card.
        inputs: Inputs in its file.
        outputs: Outputs in its file.
        proofs: Results of the trial runs, per runtime.
        faults: Why other runtimes cannot run it.
    """

    folder: Path
    card: GuestCard
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    proofs: tuple[Proof, ...]
    faults: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.card.name,
            "task": self.card.task,
            "licence": self.card.licence,
            "model_dir": str(self.folder),
            "classes": list(self.card.classes),
            "runtimes": {
                one.runtime: {"agrees": one.agrees, "detail": one.detail, "milliseconds": one.milliseconds}
                for one in self.proofs
            },
            "faults": list(self.faults),
        }

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        rows = [
            ("name", self.card.name),
            ("task", self.card.task),
            ("licence", self.card.licence),
            ("input", "; ".join(map(str, self.inputs))),
            ("outputs", "; ".join(map(str, self.outputs))),
        ]
        for one in self.proofs:
            time = "" if one.milliseconds is None else f", {one.milliseconds:.1f} ms"
            rows.append((one.runtime, f"{one.detail}{time}" if one.agrees else f"not used: {one.detail}"))
        rows += [("not used", fault) for fault in self.faults]
        return [*rows, ("model", str(self.folder))]


def manifest_values(card: GuestCard, section: dict[str, Any]) -> dict[str, Any]:
    """The manifest of the folder of an imported model."""
    return {
        "Global": {"model_name": KIND_OF_TASK[card.task]},
        "PostProcess": {"label_list": list(card.classes)},
        SECTION: section,
    }


def copy_network(source: Path, target: Path) -> None:
    """Copies an ONNX file or a Paddle program, and the files of its weights.

    Args:
        source: The file.
        target: The new path; the suffix of the source is kept.
    """
    if source.suffix in PADDLE_SUFFIXES:
        shutil.copyfile(source, target.with_suffix(source.suffix))
        shutil.copyfile(source.with_suffix(".pdiparams"), target.with_suffix(".pdiparams"))
        return
    for beside in external_files(source):
        shutil.copyfile(beside, target.with_name(beside.name))
    shutil.copyfile(source, target)
