"""Signals while networks of OpenVINO come and go; run by `test_openvino_runtime.py` in a process of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from segcli.inference.runtimes.openvino_runtime import OpenVinoRuntime
from tests.inference.test_openvino_runtime import image, make_network


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """The signals that were handled."""
    numbers: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: numbers.append(number))
    yield numbers
    signal.signal(signal.SIGINT, before)


def opened(file: Path) -> OpenVinoRuntime:
    runtime = OpenVinoRuntime(file, 1)
    runtime.run(image(4, 5))
    return runtime


def test_a_signal_after_another_thread_has_closed_a_network(tmp_path: Path, heard: list[int]) -> None:
    networks = [opened(make_network(tmp_path, [-1, 3, -1, -1]))]
    thread = Thread(target=networks.clear)
    thread.start()
    thread.join()
    os.kill(os.getpid(), signal.SIGINT)
    assert heard == [signal.SIGINT]


def test_a_signal_after_the_first_of_two_networks_was_closed_first(tmp_path: Path, heard: list[int]) -> None:
    file = make_network(tmp_path, [-1, 3, -1, -1])
    networks = [opened(file), opened(file)]
    networks.pop(0)
    networks.pop(0)
    os.kill(os.getpid(), signal.SIGINT)
    assert heard == [signal.SIGINT]
