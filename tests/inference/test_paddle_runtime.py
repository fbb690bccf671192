"""Where Paddle's inference runs: on the device that was asked for, never in silence on another."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from segcli.errors import MissingPartError
from segcli.inference.runtimes import paddle_runtime
from segcli.inference.runtimes.paddle_runtime import PaddleRuntime


@pytest.mark.parametrize("device", ["npu:0", "xpu:0", "mlu", "gpu:0", "dcu:1"])
def test_a_device_that_is_not_there_is_an_error(device: str):
    with pytest.raises(MissingPartError, match="does not support"):
        PaddleRuntime(Path("inference.json"), Path("inference.pdiparams"), device, 1)


@pytest.mark.parametrize(
    ("device", "calls"),
    [
        ("gpu:1", [("enable_use_gpu", 256, 1)]),
        ("dcu", [("enable_use_gpu", 256, 0)]),
        ("xpu:1", [("enable_xpu",), ("set_xpu_device_id", 1)]),
        ("npu:1", [("enable_custom_device", "npu", 1)]),
        ("metax_gpu:1", [("enable_custom_device", "metax_gpu", 1)]),
    ],
)
def test_each_kind_is_asked_for_in_paddles_words(device: str, calls: list, monkeypatch: pytest.MonkeyPatch):
    from paddle import inference

    made: list = []

    class Recorder:
        def __getattr__(self, name: str):
            return lambda *arguments: made.append((name, *arguments))

    monkeypatch.setattr(paddle_runtime, "device_count", lambda _kind: 2)
    monkeypatch.setattr(paddle_runtime, "_config", lambda *_files: Recorder())
    names = SimpleNamespace(
        get_input_names=lambda: ["x"], get_output_names=lambda: ["y"],
        get_input_handle=str, get_output_handle=str,
    )  # fmt: skip
    monkeypatch.setattr(inference, "create_predictor", lambda _config: names)
    PaddleRuntime(Path("inference.json"), Path("inference.pdiparams"), device, 1)
    assert made == calls
