"""Crowd regions (COCO's ``iscrowd``), whose members need not be detected one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import paddle
from paddle import Tensor

OBJECT_KEYS = ("gt_class", "gt_bbox", "gt_segm", "is_crowd")


def without_crowds(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The inputs without the objects that ``is_crowd`` (list of [n, 1] or [n], one entry per image) marks with 1."""
    if "is_crowd" not in inputs:
        return inputs
    kept = [paddle.nonzero(crowd.flatten() == 0).flatten() for crowd in inputs["is_crowd"]]
    cleaned = {
        key: [_rows(value, rows) for value, rows in zip(inputs[key], kept, strict=True)]
        for key in OBJECT_KEYS
        if key in inputs
    }
    return {**inputs, **cleaned}


def _rows(value: Tensor, rows: Tensor) -> Tensor:
    """Some rows of ``value``, possibly none."""
    if rows.shape[0] == value.shape[0]:
        return value
    return paddle.gather(value, rows) if rows.shape[0] else value[:0]
