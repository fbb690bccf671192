"""Converts published weight files (Meta, MobileSAM, ModelScope, Lightning, safetensors) to Paddle's layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import paddle

from segcli.data.files import sha256_of
from segcli.errors import WeightsError
from segcli.models.promptable.table import PROMPTABLE_NETWORKS, build_promptable_network
from segcli.plurals import listed
from segcli.weights.arrays import Array
from segcli.weights.files import read_weights, weight_format, write_pdparams, write_safetensors
from segcli.weights.matching import Fit, NetworkLayout, as_float32, fit_tensors

AS_IT_IS = "none"
"""Value of `architecture` that changes the file's format only: names and layouts stay."""

_ALIASES = ("SAM-H_box", "SAM-H_point")
_LEAST_SHARE = 0.5


@dataclass(frozen=True)
class ConversionReport:
    """Report of a conversion.

    Attributes:
        architecture: Name of the network, or ``none``.
        source: The file that was read.
        source_format: ``torch``, ``safetensors`` or ``pdparams``.
        source_sha256: Its checksum.
        target: The file that was written.
        tensors: Number of tensors written.
        missing: Names that the network expects and the file lacks (empty, because a conversion is strict).
        extra: Unknown names in the file (empty, likewise).
        unused: Known names in the file that the network does not need.
        renamed: Name in the file -> name written.
        transposed: Names whose two dimensions were transposed.
    """

    architecture: str
    source: str
    source_format: str
    source_sha256: str
    target: str
    tensors: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    unused: tuple[str, ...]
    renamed: Mapping[str, str]
    transposed: tuple[str, ...]


def convert_weights(source: str | Path, target: str | Path, architecture: str | None = None) -> ConversionReport:
    """Converts a weight file; the result is read back and compared before the function returns.

    Args:
        source: torch ``.pth/.pt/.bin/.ckpt``, safetensors or ``.pdparams``; the content decides.
        target: ``.pdparams`` or ``.safetensors``.
        architecture: A key of `PROMPTABLE_NETWORKS`; ``none`` changes the format only; None detects it from the
            names and shapes.

    Raises:
        WeightsError: The file cannot be read or is refused, fits no known network, or does not fit exactly. Nothing
            is written then.
        UsageError: The architecture is unknown.
    """
    source, target = Path(source), Path(target)
    if target.suffix not in (".pdparams", ".safetensors"):
        raise WeightsError("has no known suffix", path=target, hint="end the target in .pdparams or .safetensors")
    if target.exists() and target.samefile(source):
        raise WeightsError("is both source and target", path=target)
    kind = weight_format(source)
    tensors = read_weights(source)
    if architecture == AS_IT_IS:
        fit = Fit(tensors=dict(tensors))
    else:
        architecture, fit = _fit(tensors, architecture, is_torch_layout=kind != "pdparams", source=source)
    (write_pdparams if target.suffix == ".pdparams" else write_safetensors)(target, fit.tensors)
    _compare(target, fit.tensors)
    return ConversionReport(
        architecture=architecture,
        source=str(source),
        source_format=kind,
        source_sha256=sha256_of(source),
        target=str(target),
        tensors=len(fit.tensors),
        missing=tuple(fit.missing),
        extra=tuple(fit.extra),
        unused=tuple(fit.unused),
        renamed=fit.renamed,
        transposed=tuple(fit.transposed),
    )


def guess_architecture(tensors: Mapping[str, Array]) -> str | None:
    """The network that a file's tensors fit best by name and shape, or None if at most half of them fit."""
    best, best_share = None, _LEAST_SHARE
    for name in PROMPTABLE_NETWORKS:
        if name in _ALIASES:
            continue
        layout = network_layout(name)
        fit = fit_tensors(tensors, layout)
        share = len(fit.tensors) / len(set(layout.shapes) | set(fit.extra))
        if share > best_share:
            best, best_share = name, share
    return best


def network_layout(name: str) -> NetworkLayout:
    """Names and shapes that the promptable network `name` expects, without allocating its weights.

    Raises:
        UsageError: The name is unknown.
    """
    with paddle.LazyGuard():
        return NetworkLayout.of(build_promptable_network(name))


def _fit(
    tensors: Mapping[str, Array], architecture: str | None, *, is_torch_layout: bool, source: Path
) -> tuple[str, Fit]:
    name = architecture or guess_architecture(tensors)
    if name is None:
        raise WeightsError(
            f"fits no network that segcli knows (its tensors: {listed(list(tensors), 3)})",
            path=source,
            hint=f"name the architecture: {', '.join(PROMPTABLE_NETWORKS)}, or {AS_IT_IS} to change the format only",
        )
    fit = fit_tensors(tensors, network_layout(name), is_torch_layout=is_torch_layout)
    if not fit.is_exact:
        raise WeightsError(f"does not fit {name}\n{fit.describe_faults()}", path=source)
    fit.tensors = {key: as_float32(array) for key, array in fit.tensors.items()}
    return name, fit


def _compare(target: Path, tensors: Mapping[str, Array]) -> None:
    written = read_weights(target)
    differing = [
        name
        for name, array in tensors.items()
        if name not in written or written[name].shape != array.shape or written[name].tobytes() != array.tobytes()
    ]
    if differing:
        raise WeightsError(f"was written wrongly: {len(differing)} tensors differ from the source", path=target)
