"""What an export returns and writes into `export_result.json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from segcli.inference.exported_model import InputShape
from segcli.inference.object_parity import ObjectParity


@dataclass(frozen=True)
class Parity:
    """How one written file agrees with the trained network.

    Attributes:
        runtime: What ran the file.
        file: Name of the file.
        pictures: Pictures compared.
        max_abs_diff: Largest difference of a logit; None for a file that gives labels alone.
        max_rel_diff: The same, relative to the largest logit.
        label_agreement: Share of the pixels with the same class.
    """

    runtime: str
    file: str
    pictures: int
    max_abs_diff: float | None
    max_rel_diff: float | None
    label_agreement: float

    def summary(self) -> str:
        """One line."""
        off = "" if self.max_rel_diff is None else f", logits off by {self.max_rel_diff:.1e} at most"
        return f"{self.label_agreement:.4%} of labels equal ({self.runtime}{off})"


@dataclass(frozen=True)
class ExportResult:
    """The outcome of an export. Every path exists.

    Attributes:
        folder: Folder of the exported model.
        model_name: The model.
        class_names: Names in order of their ids.
        input_shape: [N, C, H, W], -1 for a free side.
        files: Files by what they are.
        parity: One entry a file that was compared; empty when that was switched off.
        compared_on: Where the pictures of the comparison come from.
    """

    folder: Path
    model_name: str
    class_names: tuple[str, ...]
    input_shape: InputShape
    files: dict[str, str]
    parity: tuple[Parity | ObjectParity, ...]
    compared_on: str | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "model_name": self.model_name,
            "model_dir": str(self.folder),
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
        if not self.parity:
            rows.append(("compared", "no (Export.verify=False)"))
        return rows
