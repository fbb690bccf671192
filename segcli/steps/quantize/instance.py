"""Quantization of instance models."""

from __future__ import annotations

from pathlib import Path

from segcli.data.formats.instance_data import open_instance_dataset
from segcli.steps.quantize.parts import QuantizeParts


def _validation(dataset: Path, _: int | None) -> list[Path]:
    return [sample.image for sample in open_instance_dataset(dataset).val]


quantize_instance = QuantizeParts(
    score="AP",
    validation=_validation,
    # coordinates of objects, which other operators compute, would lose their last pixels
    operators=("Conv", "ConvTranspose", "Gemm", "MatMul"),
)
