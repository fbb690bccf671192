from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from segcli import batches
from segcli.batches import load_batches
from segcli.data.sampling import SampleOrder
from segcli.errors import InputError


class Numbers:
    """Four samples; drawing number `gone` finds no file."""

    def __init__(self, gone: int | None = None) -> None:
        self._gone = gone

    def __len__(self) -> int:
        return 4

    def __getitem__(self, position: int) -> dict[str, object]:
        if position == self._gone:
            raise InputError("is gone", path="three.png")
        return {"img": np.full((2,), position, np.float32)}

    def path_of(self, position: int) -> str:
        return f"{position}.png"


@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches_follow_the_draws(num_workers):
    order = SampleOrder(samples=4, batch_size=2)
    found = list(load_batches(Numbers(), order, start=1, stop=3, num_workers=num_workers))
    assert [batch.tensors["img"].numpy()[:, 0].tolist() for batch in found] == [[2, 3], [4, 5]]
    assert found[0].paths == ("2.png", "3.png")


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_image_that_vanishes_ends_the_training(num_workers):
    order = SampleOrder(samples=4, batch_size=2)
    found = load_batches(Numbers(gone=3), order, start=0, stop=4, num_workers=num_workers)
    with pytest.raises(InputError, match=r"three\.png"):
        list(found)


@pytest.mark.parametrize(
    ("wanted", "batch_mb", "shm_mb", "found", "said"),
    [
        (4, 50, 64_000, (4, True), None),
        (4, 50, 800, (4, True), None),
        (4, 50, 400, (2, True), "2 instead of 4 processes"),
        (4, 50, 64, (4, False), "without shared memory"),
        (4, 0, 64, (4, True), None),
    ],
)
def test_as_many_processes_load_as_shared_memory_holds(wanted, batch_mb, shm_mb, found, *, said, monkeypatch, caplog):
    """Docker's 64 MB would end the training with a bus error."""
    monkeypatch.setattr(batches.shutil, "disk_usage", lambda _path: SimpleNamespace(free=shm_mb * 1_000_000))
    monkeypatch.setattr(batches, "memory_bytes", lambda: 64_000_000_000)
    assert batches.fitting_workers(wanted, batch_mb * 1_000_000) == found
    assert (said is None) is (not caplog.messages)
    assert said is None or said in caplog.text


def test_little_memory_bounds_them_too(monkeypatch):
    monkeypatch.setattr(batches.shutil, "disk_usage", lambda _path: SimpleNamespace(free=64_000_000_000))
    monkeypatch.setattr(batches, "memory_bytes", lambda: 1_000_000_000)
    assert batches.fitting_workers(8, 50_000_000) == (2, True)


@pytest.mark.parametrize(
    ("device", "cores", "processes", "count"),
    [("cpu", 64, 1, 0), ("gpu:0", 16, 1, 8), ("gpu:0", 16, 4, 3), ("gpu:0", 2, 1, 1), ("gpu:0", 1, 1, 1)],
)
def test_auto_takes_processes_where_they_pay(device, cores, processes, count, monkeypatch):
    import paddle

    monkeypatch.setattr(paddle, "get_device", lambda: device)
    monkeypatch.setattr(batches, "available_cores", lambda: cores)
    monkeypatch.setenv("PADDLE_LOCAL_SIZE", str(processes))
    assert batches.worker_count("auto") == count
    assert batches.worker_count(5) == 5


def test_batches_pass_without_shared_memory(monkeypatch):
    monkeypatch.setattr(batches, "fitting_workers", lambda *_: (1, False))
    order = SampleOrder(samples=4, batch_size=2)
    found = list(load_batches(Numbers(), order, start=0, stop=2, num_workers=1))
    assert [batch.tensors["img"].numpy()[:, 0].tolist() for batch in found] == [[0, 1], [2, 3]]


def test_batches_are_loaded_here_where_the_system_gives_no_semaphores(monkeypatch, caplog):
    """As without /dev/shm on Linux."""

    def refused():
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(batches.multiprocessing, "get_context", lambda: SimpleNamespace(Lock=refused))
    order = SampleOrder(samples=4, batch_size=2)
    found = list(load_batches(Numbers(), order, start=0, stop=2, num_workers=1))
    assert [batch.tensors["img"].numpy()[:, 0].tolist() for batch in found] == [[0, 1], [2, 3]]
    assert "no semaphores" in caplog.text
