"""One traced network on disk: Paddle's program and weights, and beside them the forms that other runtimes read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from segcli.errors import ExportError, MissingPartError
from segcli.inference.precision import FULL, Precision
from segcli.runtimes import PADDLE, RuntimeRow, other_runtime

log = logging.getLogger("segcli.predict")

ONNX = ".onnx"
_COMPANIONS = {".xml": ".bin"}
"""Forms whose weights are in a separate file: suffix -> suffix of the weights."""


@dataclass(frozen=True)
class Graph:
    """One network.

    Attributes:
        stem: Path of the forms for other runtimes, without suffix.
        program: Paddle's program; None if there is none.
        weights: The weights of that program.
        convertible: Whether its operators exist in ONNX.
        onednn: Whether Paddle may use oneDNN for it on the CPU.
        foreign: Whether it is a third-party network, whose outputs are all used unchanged.
        precision: Numbers that it computes with.
    """

    stem: Path
    program: Path | None = None
    weights: Path | None = None
    convertible: bool = True
    onednn: bool = True
    foreign: bool = False
    precision: Precision = FULL

    def form(self, suffix: str) -> Path:
        """The path of the form with this suffix, whether or not it exists."""
        return self.stem.with_name(self.stem.name + suffix)

    @property
    def has_paddle(self) -> bool:
        """Whether Paddle can run it."""
        return all(file is not None and file.is_file() for file in (self.program, self.weights))

    @property
    def can_convert(self) -> bool:
        """Whether its ONNX form can be created on this machine."""
        from segcli.inference.onnx_conversion import converter_installed

        return self.convertible and self.has_paddle and converter_installed()

    def readable_by(self, row: RuntimeRow) -> Path | None:
        """The best existing file for a runtime; None if there is none."""
        if self.program is not None and self.program.suffix in row.reads and self.has_paddle:
            return self.program
        return next((file for suffix in row.reads if (file := self.form(suffix)).is_file()), None)

    def is_open_to(self, row: RuntimeRow) -> bool:
        """Whether a file for the runtime exists or can be created."""
        return self.readable_by(row) is not None or (ONNX in row.reads and self.can_convert)

    def files_of(self, file: Path) -> Iterator[Path]:
        """The file of a form and, if it has one, its file of weights."""
        yield file
        companion = self.weights if file == self.program else None
        if companion is None and file.suffix in _COMPANIONS:
            companion = file.with_suffix(_COMPANIONS[file.suffix])
        if companion is not None and companion.is_file():
            yield companion

    def made_for(self, row: RuntimeRow) -> Path:
        """The file that a runtime opens; the ONNX form is created at its first use and kept beside the program.

        Raises:
            MissingPartError: There is none and it cannot be created.
            ExportError: The conversion failed, or its result cannot be written.
        """
        file = self.readable_by(row)
        if file is not None:
            return file
        target = self.form(ONNX)
        if ONNX not in row.reads or not self.can_convert:
            raise MissingPartError(
                f"the folder holds no {self.form(row.reads[0]).name} for {row.name} and it cannot be made",
                path=self.stem.parent,
                hint=self._remedy(),
            )
        from segcli.inference.onnx_conversion import convert_program  # once per model

        assert self.program is not None and self.weights is not None
        try:
            convert_program(self.program, self.weights, target)
        except OSError as fault:
            raise ExportError(f"{target.name} cannot be written: {fault}", path=target.parent) from fault
        log.info("converted %s to ONNX for the fast runtimes", self.program.name)
        return target

    def _remedy(self) -> str:
        if not self.convertible:
            return f"export it again where paddle2onnx and onnx are installed, or {other_runtime(PADDLE)}"
        from segcli.inference.onnx_conversion import converter_remedy

        return f"{converter_remedy()}; or {other_runtime(PADDLE)}"
