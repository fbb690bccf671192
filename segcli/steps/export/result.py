"""What an export returns and writes into `export_result.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from segcli.inference.exported_model import InputShape
from segcli.inference.object_parity import ObjectParity
from segcli.inference.parity import Parity


@dataclass(frozen=True)
class HalfParity:
    """Difference between one exported half of a promptable network and the trained one, on one runtime.

    Attributes:
        half: Name of the half.
        runtime: Name of the runtime.
        samples: Number of compared inputs.
        max_abs_diff: Largest difference of an output value.
        max_rel_diff: The same, relative to the largest value.
    """

    half: str
    runtime: str
    samples: int
    max_abs_diff: float
    max_rel_diff: float

    @property
    def file(self) -> str:
        """What was compared, for the terminal."""
        return f"{self.half} on {self.runtime}"

    def summary(self) -> str:
        """The difference, for the terminal."""
        return f"off by at most {self.max_rel_diff:.1e} of the largest value"


ParityEntry = Parity | ObjectParity | HalfParity


@dataclass(frozen=True)
class ExportResult:
    """The outcome of an export. Every path exists.

    Attributes:
        folder: Folder of the exported model.
        model_name: The model.
        class_names: Names in the order of their ids.
        input_shape: [N, C, H, W], -1 for a free side.
        files: Files by kind.
        parity: One entry per compared file; empty when comparison is switched off.
        compared_on: Origin of the images of the comparison; None when it is switched off.
        licence: Licence of the official weights that the model began with; empty where it began without.
    """

    folder: Path
    model_name: str
    class_names: tuple[str, ...]
    input_shape: InputShape
    files: Mapping[str, str]
    parity: tuple[ParityEntry, ...]
    compared_on: str | None
    licence: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "model_name": self.model_name,
            "model_dir": str(self.folder),
            "licence": self.licence,
            "class_names": list(self.class_names),
            "input_shape": list(self.input_shape),
            "files": {kind: str(self.folder / name) for kind, name in self.files.items()},
            "verified": bool(self.parity),
            "compared_on": self.compared_on,
            "parity": [asdict(entry) for entry in self.parity],
        }

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        rows = [("model", self.model_name), ("folder", str(self.folder)), ("files", ", ".join(self.files.values()))]
        rows += [(entry.file, entry.summary()) for entry in self.parity]
        if self.licence:
            rows.append(("licence", f"{self.licence}: that of the weights it began with"))
        if not self.parity:
            rows.append(("compared", "no (Export.verify=False)"))
        return rows
