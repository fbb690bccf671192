"""Writes the networks of `models quantize`: 8 bits in the ONNX file, or 16 bits that the runtime computes with."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from segcli.data.yaml_nodes import load_yaml
from segcli.inference.exported_model import MANIFEST_FILE, ONNX_FILE, ExportedModel
from segcli.inference.precision import Precision
from segcli.inference.proofs import FILE as PROOFS_FILE
from segcli.inference.runtimes.onnx_graph import logits_graph
from segcli.models.card import CARD_FILE
from segcli.models.guests import SECTION
from segcli.steps.guests.network_file import NetworkFile
from segcli.steps.quantize.calibration import Feeds, calibration_feeds
from segcli.steps.quantize.widen import widen
from segcli.weights.manifest import write_manifest

_ERRORS = 3
"""ONNX Runtime's log severity level."""


def write_half(model: ExportedModel, folder: Path, precision: Precision) -> None:
    """Copies a model; its manifest says that the runtime computes with 16 bits.

    Args:
        model: The model with 32 bits.
        folder: The folder to fill.
        precision: Numbers of 16 bits.
    """
    for file in model.folder.iterdir():
        if file.is_file() and file.name not in (MANIFEST_FILE, PROOFS_FILE):  # proofs are those of 32 bits
            shutil.copyfile(file, folder / file.name)
    values = _manifest(model)
    write_manifest(folder, {**values, "Segcli": {**(values.get("Segcli") or {}), "precision": precision}})


def write_int8(
    model: ExportedModel, source: Path, folder: Path, images: Sequence[Path], operators: Sequence[str] | None
) -> None:
    """Writes a model whose only network is an ONNX file of 32- and 8-bit numbers.

    Args:
        model: The model with 32 bits.
        source: Its ONNX file.
        folder: The folder to fill.
        images: Images for calibration.
        operators: Operators to quantize; None for all that can be.
    """
    values = _manifest(model)
    if model.guest is not None and np.dtype(model.guest.dtype) == np.float16:
        values[SECTION]["dtype"] = "float32"
    if "files" in values.get("Segcli", {}):
        values["Segcli"]["files"] = {"onnx": ONNX_FILE}
    write_manifest(folder, values)
    if (model.folder / CARD_FILE).is_file():
        shutil.copyfile(model.folder / CARD_FILE, folder / CARD_FILE)
    _write(model, source, folder / ONNX_FILE, list(images), operators)


def _manifest(model: ExportedModel) -> dict[str, Any]:
    values: dict[str, Any] = load_yaml((model.folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    return values


def _write(
    model: ExportedModel, source: Path, target: Path, images: list[Path], operators: Sequence[str] | None
) -> None:
    from onnxruntime.quantization import quantize_static

    content = _widened(source) if model.guest is not None else logits_graph(source)
    name = NetworkFile.read(source).inputs[0].name if model.guest is None else model.guest.input_name
    reader = _reader(calibration_feeds(model, images, name))
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)  # hides warnings about choices that were made here on purpose
    folded = target.with_name(f"folded_{target.name}")
    try:
        _fold(str(source) if content is None else content, folded)
        quantize_static(
            str(folded),
            str(target),
            reader,
            per_channel=True,
            op_types_to_quantize=operators and list(operators),
            extra_options={"MatMulConstBOnly": operators is not None},
        )
    finally:
        logging.root.setLevel(level)
        folded.unlink(missing_ok=True)


def _widened(source: Path) -> bytes | None:
    """The network with 32-bit floats where it has 16; None where it has none."""
    import onnx

    network = onnx.load(str(source))
    return bytes(network.SerializeToString()) if widen(network) else None


def _fold(network: str | bytes, target: Path) -> None:
    """Folds normalisations into convolutions and constants into weights, which would stay 32-bit otherwise."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    options.log_severity_level = _ERRORS
    onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])


def _reader(feeds: Iterator[Feeds]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Returns the inputs one by one."""

        def get_next(self) -> Feeds | None:
            """The next input; None at the end."""
            return next(feeds, None)

    return Reader()
