"""Devices that are there, that are not, and that are there in part."""

from __future__ import annotations

import logging
import subprocess
import sys
from types import SimpleNamespace

import pytest

from segcli import device as module
from segcli.device import available_device, device_count, select_device
from segcli.errors import MissingPartError
from segcli.nvidia import Gpu


@pytest.fixture(autouse=True)
def _fresh():
    available_device.cache_clear()


def _machine_with(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(module, "device_count", lambda kind: number)


def test_the_cpu_is_always_there():
    assert select_device("cpu", strict=True) == "cpu"


@pytest.mark.parametrize(
    ("asked", "number", "found"),
    [
        ("gpu:0,1", 2, "gpu:0,1"),
        ("gpu", 1, "gpu"),
        ("gpu:0,1,2,3", 2, "gpu:0,1"),
        ("gpu:3", 2, "cpu"),
        ("npu", 0, "cpu"),
    ],
)
def test_what_is_there_is_used(asked: str, number: int, found: str, monkeypatch: pytest.MonkeyPatch):
    _machine_with(monkeypatch, number)
    assert available_device(asked, strict=False) == found


def test_the_fall_back_is_said_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    _machine_with(monkeypatch, 0)
    with caplog.at_level(logging.WARNING):
        assert select_device("gpu:0,1,2,3", strict=False) == "cpu"
        assert select_device("gpu:0,1,2,3", strict=False) == "cpu"
    assert caplog.messages == [
        "gpu:0,1,2,3 was requested, but this machine has no gpu that Paddle can use; computing on the CPU"
    ]


@pytest.mark.parametrize(
    ("counts", "found", "said"),
    [
        ({"gpu": 1}, "gpu:0", "computing on gpu:0 (Global.device=cpu computes on the CPU)"),
        ({"gpu": 4}, "gpu:0", "one of 4; Global.device=gpu:0,1,2,3 trains on all"),
        ({"npu": 1}, "npu:0", "computing on npu:0"),
        ({}, "cpu", None),
    ],
)
def test_auto_takes_what_is_there_and_says_so(counts, found, said, monkeypatch, caplog):
    monkeypatch.setattr(module, "device_count", lambda kind: counts.get(kind, 0))
    monkeypatch.setattr(module, "_built_for_accelerators", lambda: True)
    with caplog.at_level(logging.INFO):
        assert available_device("auto", strict=True) == found
        assert available_device("auto", strict=True) == found
    assert len(caplog.messages) == (said is not None)
    assert said is None or said in caplog.text


def test_a_gpu_that_this_paddle_cannot_use_is_told_where_the_driver_has_one(monkeypatch, caplog):
    monkeypatch.setattr(module, "_built_for_accelerators", lambda: False)
    monkeypatch.setattr(module, "gpus", lambda: ())
    assert available_device("auto", strict=False) == "cpu" and not caplog.messages
    available_device.cache_clear()
    monkeypatch.setattr(module, "gpus", lambda: (Gpu("NVIDIA H100", 80 << 30),))
    assert available_device("auto", strict=False) == "cpu"
    assert "segcli doctor --fix --gpu" in caplog.text


@pytest.mark.parametrize(
    ("text", "built"),
    [
        ("cuda_version     = 'False'\nhip_version      = None\nxpu_xre_version  = 'False'\n", False),
        ("cuda_version     = '12.6'\nhip_version      = None\n", True),
        ("cuda_version     = 'False'\nhip_version      = '6.0'\n", True),
    ],
)
def test_what_paddle_is_built_for_is_read_without_importing_it(text, built, tmp_path, monkeypatch):
    package = tmp_path / "paddle"
    (package / "version").mkdir(parents=True)
    (package / "version" / "__init__.py").write_text(text)
    monkeypatch.delitem(sys.modules, "paddle", raising=False)
    monkeypatch.setattr(module, "find_spec", lambda _name: SimpleNamespace(submodule_search_locations=[str(package)]))
    assert module._built_for_accelerators() is built


def test_strict_means_an_error(monkeypatch: pytest.MonkeyPatch):
    _machine_with(monkeypatch, 1)
    with pytest.raises(MissingPartError, match="only gpu:0") as caught:
        select_device("gpu:0,1", strict=True)
    assert "Global.device=gpu:0" in str(caught.value)


@pytest.mark.parametrize("kind", ["xpu", "npu", "mlu", "gcu", "dcu", "iluvatar_gpu", "metax_gpu"])
def test_counting_never_fails(kind: str):
    assert device_count(kind) == 0


def test_threads_compute_at_once_whichever_imported_paddle_first():
    program = """
import threading
first = threading.Thread(target=lambda: __import__("paddle"))
first.start()
first.join()
from segcli.device import select_device
select_device("cpu", strict=False)
import paddle
assert float(paddle.to_tensor([2.0]) * 3) == 6
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_threads_are_those_of_the_user_or_all_cores(monkeypatch: pytest.MonkeyPatch):
    """Importing paddle sets OMP_NUM_THREADS to 1 where it is not set, which nobody meant."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(module, "_REQUESTED_THREADS", None)
    monkeypatch.setattr(module, "available_cores", lambda: 6)
    assert module.cpu_threads() == 6
    monkeypatch.setattr(module, "_REQUESTED_THREADS", "3")
    assert module.cpu_threads() == 3
