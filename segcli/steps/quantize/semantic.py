"""Quantization of semantic models."""

from __future__ import annotations

from pathlib import Path

from segcli.data.formats.masks import open_seg_dataset
from segcli.steps.quantize.parts import QuantizeParts


def _validation(dataset: Path, classes: int | None) -> list[Path]:
    return [sample.image for sample in open_seg_dataset(dataset, classes).val]


quantize_semantic = QuantizeParts(score="mIoU", validation=_validation)
