"""`calibration.json`: the temperature that an evaluation found for a weight file, which its export then uses."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path

from segcli.data.files import write_json_atomic
from segcli.data.json_text import read_json

CALIBRATION_FILE = "calibration.json"


@dataclass(frozen=True)
class Calibration:
    """The calibration that an evaluation found.

    Attributes:
        weights_sha256: Checksum of the weight file.
        temperature: The divisor of the logits, or of the log-odds of scores, at which they are best calibrated.
        images: Number of images it was measured on.
        data_sha256: Digest of these images.
    """

    weights_sha256: str
    temperature: float
    images: int
    data_sha256: str

    def save(self, folder: Path) -> Path:
        """Writes the file; returns its path."""
        path = folder / CALIBRATION_FILE
        write_json_atomic(path, asdict(self))
        return path

    @staticmethod
    def of(folder: Path, weights_sha256: str) -> Calibration | None:
        """Reads the file of a folder; None if it is missing, unreadable or belongs to other weights."""
        try:
            values = read_json(folder / CALIBRATION_FILE)
            found = Calibration(**values)
            fits = found.weights_sha256 == weights_sha256 and 0 < found.temperature < math.inf
        except (OSError, ValueError, TypeError):
            return None
        return found if fits else None
