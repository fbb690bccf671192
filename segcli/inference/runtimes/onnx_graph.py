"""The logits of an ONNX file that ends in a label map."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from segcli.inference.onnx_worker import cut_to_logits


def logits_graph(file: Path) -> bytes | None:
    """The same graph without the final maximum, where segcli wrote it and the package `onnx` is there; else None.

    Without it the runtime gives ids instead of logits: right, but no tile can be blended.
    """
    if find_spec("onnx") is None:
        return None
    import onnx

    model = onnx.load(str(file))
    return bytes(model.SerializeToString()) if cut_to_logits(model) else None
