"""The table of runtimes: what can run an exported network.

Pure data, read before any library is imported. The code of a row is one module with a function `open_graph`; see
`segcli.inference.runtimes.protocol`. A package of another maker adds a row by an entry point of the group
`segcli.runtimes` that names a `RuntimeRow`.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import NamedTuple

from segcli.plug_ins import plug_ins

GROUP = "segcli.runtimes"
AUTO = "auto"
"""Takes the fastest runtime that was proven for the model."""
PADDLE, ONNX_RUNTIME = "paddle", "onnxruntime"


class RuntimeRow(NamedTuple):
    """One runtime.

    Attributes:
        name: As in `Predict.runtime`.
        package: What must be installed, as it is imported.
        module: Where its code is; with a leading dot it lies in `segcli.inference.runtimes`.
        reads: Suffixes of the files that it opens, the best first.
        export_format: Name of its own form in `Export.formats`; None where it has no form of its own.
        distribution: What pip installs, where it is called otherwise; its build for GPUs has the name with ``-gpu``.
        any_device: Whether it can run on other devices than the CPU; its module counts those that are there.
        start_ms: CPU time of its import and of opening a small network, by which it is chosen for a single image.
    """

    name: str
    package: str
    module: str
    reads: tuple[str, ...]
    export_format: str | None = None
    distribution: str | None = None
    any_device: bool = False
    start_ms: float = 500.0

    @property
    def installed_by(self) -> str:
        """What pip installs."""
        return self.distribution or self.package

    @property
    def is_installed(self) -> bool:
        """Whether its package is there."""
        return is_importable(self.package)


def other_runtime(*names: str) -> str:
    """A remedy that takes one of these runtimes, as it is typed with each command."""
    name = names[0]
    also = "".join(f" or {other}" for other in names[1:])
    return f"use --runtime {name}{also} (with evaluate -o Evaluate.runtime={name})"


def is_importable(package: str) -> bool:
    """Whether a package is there; a folder with some of its files alone, as is left of one of two builds, is none."""
    found = find_spec(package)
    return found is not None and found.origin is not None


_OWN = (
    RuntimeRow(
        PADDLE,
        "paddle",
        ".paddle_runtime",
        (".json", ".pdmodel"),
        "paddle",
        "paddlepaddle",
        any_device=True,
        start_ms=2000.0,
    ),
    RuntimeRow(ONNX_RUNTIME, "onnxruntime", ".onnx_runtime", (".onnx",), "onnx", any_device=True, start_ms=100.0),
    RuntimeRow("openvino", "openvino", ".openvino_runtime", (".xml", ".onnx", ".pdmodel"), "openvino", start_ms=400.0),
)
OWN_NAMES = tuple(row.name for row in _OWN)
OWN_FORMATS = tuple(row.export_format for row in _OWN if row.export_format is not None)
"""What help texts list: packages of others are looked for only where a runtime is used."""


@lru_cache(maxsize=1)
def runtimes() -> dict[str, RuntimeRow]:
    """All runtimes by name: ours, then those of installed packages.

    >>> list(runtimes())[:3]
    ['paddle', 'onnxruntime', 'openvino']
    """
    rows = {row.name: row for row in _OWN}
    for point in plug_ins(GROUP):
        row = point.load()
        rows.setdefault(row.name, row)
    return rows


def runtime_names() -> tuple[str, ...]:
    """What `Predict.runtime` and `Evaluate.runtime` may be."""
    return (AUTO, *runtimes())


def export_formats() -> tuple[str, ...]:
    """What `Export.formats` may hold."""
    return tuple(row.export_format for row in runtimes().values() if row.export_format is not None)
