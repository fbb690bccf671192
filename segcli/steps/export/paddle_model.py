"""Writes a network as Paddle's inference model, once with labels (PaddleX) and once with logits (segcli)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segcli.errors import ExportError
from segcli.inference.exported_model import LABELS_FILE, LOGITS_FILE, WEIGHTS_FILE, InputShape

log = logging.getLogger("segcli.export")


def write_paddle_model(network: Any, folder: Path, input_shape: InputShape) -> None:
    """Writes `inference.json`, `logits.json` and their shared weights.

    PaddleX expects a label map from the network, so one program ends with an argmax over the classes. Tiles, resizing
    and other runtimes need the logits, and an argmax in the graph is slower than segcli's, so the other program ends
    before it. The network is traced once.

    Args:
        network: A layer in evaluation mode that returns only logits [N, classes, H, W].
        folder: Where to write.
        input_shape: [N, C, H, W], -1 for a free side.

    Raises:
        ExportError: Paddle cannot trace the network.
    """
    import paddle

    free = [None if side < 0 else side for side in input_shape]
    sample = paddle.static.InputSpec(shape=free, dtype="float32", name="x")
    stem = folder / Path(LOGITS_FILE).stem
    try:
        traced = paddle.jit.to_static(network, input_spec=[sample], full_graph=True)
        paddle.jit.save(traced, str(stem))
    except Exception as fault:
        raise ExportError(f"Paddle cannot export the network: {fault}", path=folder) from fault
    _add_label_program(stem, folder / Path(LABELS_FILE).stem)
    # both programs have the same weights in the same order, so one file is enough
    (folder / f"{stem.name}.pdiparams").unlink()
    missing = [name for name in (LABELS_FILE, LOGITS_FILE, WEIGHTS_FILE) if not (folder / name).is_file()]
    if missing:
        raise ExportError(f"Paddle did not write {', '.join(missing)}", path=folder)


def _add_label_program(logits: Path, labels: Path) -> None:
    """Appends an argmax over the classes to the program at `logits` and writes the result to `labels`."""
    import paddle

    with _static_mode():
        executor = paddle.static.Executor(paddle.CPUPlace())
        program, _, outputs = paddle.static.load_inference_model(str(logits), executor)
        with paddle.static.program_guard(program):
            ids = paddle.argmax(outputs[0], axis=1, dtype="int32")
        inputs = [op.result(0) for op in program.global_block().ops if op.name() == "pd_op.data"]
        paddle.static.save_inference_model(str(labels), inputs, [ids], executor, program=program)


@contextmanager
def _static_mode() -> Iterator[None]:
    """Switches to Paddle's static mode with a separate scope, and restores the previous mode afterwards."""
    import paddle

    was_dynamic = paddle.in_dynamic_mode()
    paddle.enable_static()
    try:
        with paddle.static.scope_guard(paddle.static.Scope()):
            yield
    finally:
        if was_dynamic:
            paddle.disable_static()
