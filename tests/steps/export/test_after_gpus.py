"""Export at the end of a training on several GPUs, imitated: Paddle says so, and builds its layers accordingly."""

from __future__ import annotations

import json

import paddle
import pytest
from paddle import nn

from segcli.device import on_cpu
from segcli.networks import build_network
from segcli.steps.export.command import export_weights
from tests.images import make_seg_dataset
from tests.trained_model import make_config, save_weights


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch):
    """One of two GPUs by all that Paddle says; what is computed is computed on the CPU all the same."""
    chosen = ["gpu:0"]
    environment = paddle.distributed.ParallelEnv
    monkeypatch.setattr(paddle, "get_device", lambda: chosen[-1])
    monkeypatch.setattr(paddle, "set_device", chosen.append)
    monkeypatch.setattr(environment, "nranks", property(lambda _: 2))
    monkeypatch.setattr(paddle.distributed, "get_world_size", lambda: 2)
    return chosen


def _shared_norms(name: str) -> int:
    layers = build_network(name, 3).sublayers()
    return sum(isinstance(layer, nn.SyncBatchNorm) for layer in layers)


@pytest.mark.parametrize("name", ["PP-LiteSeg-T", "SeaFormer_tiny"])
def test_a_network_for_export_holds_no_norm_that_the_cpu_lacks(name: str, gpus: list[str]):
    assert _shared_norms(name) > 0
    with on_cpu():
        assert _shared_norms(name) == 0
    assert gpus == ["gpu:0", "cpu", "gpu:0"]


def test_the_device_comes_back_after_a_fault(gpus: list[str]):
    with pytest.raises(RuntimeError), on_cpu():
        raise RuntimeError
    assert gpus[-1] == "gpu:0"


def test_export_is_written_and_compared_on_the_cpu(tmp_path, gpus: list[str]):
    """Without that the program holds `sync_batch_norm_`, which has no kernel for the CPU."""
    dataset = make_seg_dataset(tmp_path / "data", train=1, val=1)
    weights = save_weights(tmp_path / "best_model")
    result = export_weights(weights, tmp_path / "inference", make_config(tmp_path, dataset))
    assert result.parity
    program = json.loads((tmp_path / "inference" / "inference.json").read_text())
    assert "sync_batch_norm" not in json.dumps(program)
    assert gpus[-1] == "gpu:0"
