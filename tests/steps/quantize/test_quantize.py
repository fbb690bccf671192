from __future__ import annotations

import numpy as np
import pytest

from segcli.errors import ParityError, UsageError
from segcli.steps.guests.command import import_guest
from segcli.steps.quantize.command import quantize
from tests.images import make_seg_dataset
from tests.trained_model import trained_run

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx import helper

from tests.onnx_models import save, tensor, write_card


def convolution_guest(folder):
    """Logits by a convolution of 3 x 3."""
    weights = np.zeros((3, 3, 3, 3), np.float32)
    for channel in range(3):
        weights[channel, channel, 1, 1] = 1
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])]
    ports = [tensor("x", ["n", 3, "h", "w_"])], [tensor("y", ["n", 3, "h", "w_"])]
    network = save(folder / "m.onnx", nodes, *ports, [("w", weights)])
    names = ["_background_", "red", "blue"]
    card = write_card(folder / "c.yaml", name="conv", task="semantic", classes=names, output={"kind": "logits"})
    return import_guest(network, card, folder / "guest").folder


def test_a_model_of_8_bits_scores_as_before(tmp_path):
    data = make_seg_dataset(tmp_path / "data", train=1, val=3)
    done = quantize(str(convolution_guest(tmp_path)), str(data), tmp_path / "int8", most_loss=0.02, images=2)
    assert done.images == 2 and abs(done.before - done.after) <= 0.02
    import onnx

    kinds = {node.op_type for node in onnx.load(str(tmp_path / "int8" / "inference.onnx")).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds


def test_a_trained_model_becomes_a_third_as_large(tmp_path):
    run = trained_run()
    done = quantize(str(run / "run" / "best_model"), str(run / "data"), tmp_path / "int8", most_loss=1, images=2)
    assert done.bytes_after < done.bytes_before / 3


def test_one_that_loses_more_is_not_kept(tmp_path):
    data = make_seg_dataset(tmp_path / "data", train=1, val=2)
    folder = convolution_guest(tmp_path)
    with pytest.raises(ParityError, match="allowed is a loss of -1"):
        quantize(str(folder), str(data), tmp_path / "int8", most_loss=-1)
    assert not (tmp_path / "int8").exists()
    with pytest.raises(UsageError, match="something else"):
        quantize(str(folder), str(data), tmp_path)
