"""Where Paddle's inference runs: on the device that was asked for, never in silence on another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace

import numpy as np
import pytest

from segcli.errors import MissingPartError
from segcli.inference.runtimes import onednn, paddle_runtime
from segcli.inference.runtimes.paddle_runtime import PaddleRuntime


@pytest.mark.parametrize("device", ["npu:0", "xpu:0", "mlu", "gpu:0", "dcu:1"])
def test_a_device_that_is_not_there_is_an_error(device: str):
    with pytest.raises(MissingPartError, match="does not support"):
        PaddleRuntime(Path("inference.json"), Path("inference.pdiparams"), device, 1)


@pytest.mark.parametrize(
    ("device", "calls"),
    [
        ("gpu:1", [("enable_use_gpu", 256, 1, "Float32")]),
        ("dcu", [("enable_use_gpu", 256, 0, "Float32")]),
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
            return lambda *arguments: made.append((name, *(getattr(one, "name", one) for one in arguments)))

    monkeypatch.setattr(paddle_runtime, "device_count", lambda _kind: 2)
    monkeypatch.setattr(paddle_runtime, "_config", lambda *_files: Recorder())
    names = SimpleNamespace(
        get_input_names=lambda: ["x"], get_output_names=lambda: ["y"],
        get_input_handle=str, get_output_handle=str,
    )  # fmt: skip
    monkeypatch.setattr(inference, "create_predictor", lambda _config: names)
    PaddleRuntime(Path("inference.json"), Path("inference.pdiparams"), device, 1)
    assert made == calls
    for precision, name in (("fp16", "Half"), ("bf16", "Bfloat16")):
        made.clear()
        if calls[0][0] != "enable_use_gpu":
            with pytest.raises(MissingPartError, match="on GPUs only, not on"):
                PaddleRuntime(Path("inference.json"), Path("inference.pdiparams"), device, 1, precision=precision)
            continue
        PaddleRuntime(Path("inference.json"), Path("inference.pdiparams"), device, 1, precision=precision)
        assert made == [(*calls[0][:3], name)]


def test_a_version_of_paddle_is_tried_once_and_its_verdict_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path))
    tried: list[int] = []
    monkeypatch.setattr(onednn, "probe", lambda: bool(tried.append(1)) or True)
    onednn.can_place.cache_clear()
    assert onednn.can_place("9.9.1")
    onednn.can_place.cache_clear()
    assert onednn.can_place("9.9.1") and len(tried) == 1
    assert onednn.can_place("9.9.2") and len(tried) == 2
    assert not onednn.can_place("3.3.1") and len(tried) == 2
    for number, content in enumerate(("damaged", "5"), start=3):
        (tmp_path / onednn.FILE).write_text(content)
        onednn.can_place.cache_clear()
        assert onednn.can_place("9.9.1") and len(tried) == number
    onednn.can_place.cache_clear()


@pytest.mark.parametrize(("status", "kept"), [(0, True), (1, False), (-11, False), (-9, None), (-15, None)])
def test_a_trial_that_was_ended_from_outside_is_no_verdict(status, kept, tmp_path, monkeypatch):
    """A crash is one: oneDNN's own faults end the process."""
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path))
    monkeypatch.setattr(onednn.subprocess, "run", lambda command, **_: CompletedProcess(command, status))
    onednn.can_place.cache_clear()
    assert onednn.can_place("9.9.1") is bool(kept)
    onednn.can_place.cache_clear()
    file = tmp_path / onednn.FILE
    assert (list(json.loads(file.read_text()).values()) if file.exists() else [None]) == [kept]


@pytest.mark.parametrize("works", [True, False])
def test_operators_are_placed_where_that_works(works: bool, monkeypatch: pytest.MonkeyPatch):
    from paddle import inference

    made: list = []

    class Recorder:
        def __getattr__(self, name: str):
            return lambda *arguments: made.append((name, *arguments))

    monkeypatch.setattr(paddle_runtime, "_config", lambda *_files: Recorder())
    monkeypatch.setattr(paddle_runtime, "can_place", lambda _version: works)
    monkeypatch.setattr(inference, "create_predictor", lambda _config: None)
    paddle_runtime._on_cpu(Path("inference.json"), Path("inference.pdiparams"), 1)
    assert made[-1] == (("enable_mkldnn",) if works else ("delete_pass", "onednn_placement_pass"))


@pytest.mark.slow
def test_a_program_of_paddle_2_runs_and_what_the_installed_version_cannot_do_is_found(tmp_path):
    script = (
        "import numpy, paddle, sys\n"
        "net = paddle.nn.Sequential(paddle.nn.Conv2D(3, 8, 3, padding=1), paddle.nn.Hardswish())\n"
        "net.eval()\n"
        "spec = [paddle.static.InputSpec([None, 3, None, None], 'float32')]\n"
        "paddle.jit.save(net, sys.argv[1] + '/inference', input_spec=spec)\n"
        "numpy.save(sys.argv[1] + '/y.npy', net(paddle.ones([1, 3, 16, 16])).numpy())\n"
    )
    old = {**os.environ, "FLAGS_enable_pir_api": "0"}
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, env=old, capture_output=True)
    runtime = PaddleRuntime(tmp_path / "inference.pdmodel", tmp_path / "inference.pdiparams", "cpu", 1)
    found = runtime.run(np.ones((1, 3, 16, 16), np.float32))
    assert np.abs(found - np.load(tmp_path / "y.npy")).max() < 1e-5
    import paddle

    known = onednn._KNOWN.get(paddle.__version__)
    assert known is None or onednn.probe() is known
