"""Devices that are there, that are not, and that are there in part."""

from __future__ import annotations

import logging

import pytest

from segcli.engines import device as module
from segcli.engines.device import available_device, device_count, select_device
from segcli.errors import MissingPartError


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
        "gpu:0,1,2,3 was asked for, but this machine has no gpu that Paddle can use; computing on the CPU"
    ]


def test_strict_means_an_error(monkeypatch: pytest.MonkeyPatch):
    _machine_with(monkeypatch, 1)
    with pytest.raises(MissingPartError, match="only gpu:0") as caught:
        select_device("gpu:0,1", strict=True)
    assert "Global.device=gpu:0" in str(caught.value)


@pytest.mark.parametrize("kind", ["xpu", "npu", "mlu", "gcu", "dcu", "iluvatar_gpu", "metax_gpu"])
def test_counting_never_fails(kind: str):
    assert device_count(kind) == 0
