"""Results of comparing an exported model's runtimes, kept beside it: which files agree with Paddle, and their speed.

A verdict is valid only for the compared files and the version of the runtime that ran them: it holds their digests. If
the model's folder is not writable, verdicts are kept in the memory of this process.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from segcli.cpu import processor_kind
from segcli.data.files import write_text_atomic
from segcli.data.json_text import read_json
from segcli.runtimes import RuntimeRow
from segcli.version import __version__
from segcli.weights.digests import digest_of

log = logging.getLogger("segcli.predict")

FILE = "proofs.json"
_SCHEMA = 1
_unwritten: dict[Path, dict[str, Proof]] = {}


@dataclass(frozen=True)
class Proof:
    """The verdict of one comparison.

    Attributes:
        runtime: Name of the runtime that ran the files.
        version: Version of its package, and of segcli.
        files: File name -> SHA-256 digest, of the program it was compared with and of the files that ran.
        agrees: Whether the outputs are the same within the tolerance.
        detail: What was compared, or how the outputs differ.
        milliseconds: Time per image of the comparison, after a warm-up run; None if nothing was timed.
        processor: What took this time, as `segcli.cpu.processor_kind` names it; "" if that is not known.
    """

    runtime: str
    version: str
    files: dict[str, str]
    agrees: bool
    detail: str
    milliseconds: float | None = None
    processor: str = ""

    @property
    def is_timed_here(self) -> bool:
        """Whether the time is that of this processor."""
        return self.milliseconds is not None and self.processor == processor_kind()


class Proofs:
    """The verdicts on the files of one folder.

    Args:
        folder: Folder of the exported model.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, row: RuntimeRow, files: Iterable[Path]) -> Proof | None:
        """The verdict on exactly these files under the installed version; None if they were never compared."""
        proof = self._read().get(row.name)
        if proof is None or proof.version != version_of(row) or proof.files != self._digests_of(files):
            return None
        return proof

    def keep(
        self, row: RuntimeRow, files: Iterable[Path], *, agrees: bool, detail: str, milliseconds: float | None = None
    ) -> Proof:
        """Stores a verdict, which replaces an earlier one on the same runtime, and returns it."""
        processor = "" if milliseconds is None else processor_kind()
        proof = Proof(row.name, version_of(row), self._digests_of(files), agrees, detail, milliseconds, processor)
        known = {**self._read(), row.name: proof}
        try:
            write_text_atomic(self._folder / FILE, json.dumps(document_of(known.values()), indent=2) + "\n")
        except OSError as fault:
            log.debug("the verdict cannot be written beside the model: %s", fault)
            _unwritten[self._folder] = known
        return proof

    def kept(self) -> tuple[Proof, ...]:
        """All verdicts, whatever files and versions they are about."""
        return tuple(self._read().values())

    def _read(self) -> dict[str, Proof]:
        if self._folder in _unwritten:
            return _unwritten[self._folder]
        try:
            values = read_json(self._folder / FILE)
            return {one.runtime: one for one in (_proof(entry) for entry in values["proofs"])}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
            log.debug("%s is not used: %s", self._folder / FILE, fault)
            return {}

    @staticmethod
    def _digests_of(files: Iterable[Path]) -> dict[str, str]:
        return {file.name: digest_of(file) for file in files}


def document_of(proofs: Iterable[Proof]) -> dict[str, Any]:
    """The verdicts as they are written."""
    return {"schema": _SCHEMA, "proofs": [asdict(one) for one in proofs]}


def version_of(row: RuntimeRow) -> str:
    """Version of a runtime's package, with that of segcli, whose decoding affects every result."""
    for name in (row.installed_by, f"{row.installed_by}-gpu"):
        try:
            return f"{version(name)} (segcli {__version__})"
        except PackageNotFoundError:
            continue
    return f"unknown (segcli {__version__})"


def _proof(entry: dict[str, Any]) -> Proof:
    milliseconds = entry["milliseconds"]
    return Proof(
        runtime=str(entry["runtime"]),
        version=str(entry["version"]),
        files={str(name): str(digest) for name, digest in entry["files"].items()},
        agrees=entry["agrees"] is True,
        detail=str(entry["detail"]),
        milliseconds=None if milliseconds is None else float(milliseconds),
        processor=str(entry.get("processor", "")),  # not told by segcli 0.1
    )
