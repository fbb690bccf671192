"""The logits of an ONNX file that ends in a label map."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from segcli.inference.onnx_worker import cut_to_logits


def logits_graph(file: Path) -> bytes | None:
    """The same graph without the final argmax, if segcli wrote it and the package `onnx` is installed; else None.

    With None the runtime returns ids instead of logits: these are correct, but tiles cannot be blended.
    """
    if find_spec("onnx") is None:
        return None
    import onnx

    model = onnx.load(str(file))
    return bytes(model.SerializeToString()) if cut_to_logits(model) else None
