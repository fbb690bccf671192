from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Barrier, Thread
from types import SimpleNamespace

import pytest

from segcli.steps.batch.leases import Leases, Process


def dead_process() -> Process:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = Process(Process.this().machine, child.pid, "123")
    child.communicate(b"\n")
    return process


def leave(folder, name, process, **more):
    values = {"machine": process.machine, "pid": process.pid, "started": process.started, **more}
    (folder / name).write_text(json.dumps(values))


def test_of_many_who_want_a_shard_one_gets_it(tmp_path):
    leave(tmp_path, "000007.1.lease", dead_process())
    got, barrier = [], Barrier(8)

    def want():
        leases = Leases(tmp_path, 60)
        barrier.wait()
        got.append(leases.take(7))

    threads = [Thread(target=want) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (lease,) = [one for one in got if one is not None]
    assert lease.generation == 2
    lease.done()
    assert not list(tmp_path.iterdir())


def test_a_dead_process_of_this_machine_loses_its_shard_at_once(tmp_path):
    leases = Leases(tmp_path, 1000)
    leave(tmp_path, "000000.1.lease", dead_process(), row=3)
    leave(tmp_path, "000001.1.lease", Process.this())
    leave(tmp_path, "000002.1.lease", Process("elsewhere", 1, ""))
    leave(tmp_path, "000003.1.lease", Process(Process.this().machine, os.getpid(), "another start"))
    taken = [leases.take(shard) for shard in range(4)]
    assert [None if one is None else one.generation for one in taken] == [2, None, None, 2]
    assert taken[0].fatal_rows == {3: 1}
    leases.give_back()


def test_a_killed_process_that_nobody_has_waited_for_is_dead(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    started = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19]
    process = Process(Process.this().machine, child.pid, started)
    assert not process.is_known_dead
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie
    assert process.is_known_dead
    child.wait()


@pytest.fixture
def clock(monkeypatch):
    """What the leases take for the time, in seconds; a machine with much else to do does not change it."""
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr("segcli.steps.batch.leases.time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


def test_without_a_heartbeat_the_shard_of_another_machine_is_free_after_the_lease(tmp_path, clock):
    leases = Leases(tmp_path, 0.2)
    file = tmp_path / "000000.1.lease"
    leave(tmp_path, file.name, Process("elsewhere", 1, ""))
    assert leases.take(0) is None
    clock.seconds += 0.15
    os.utime(file)
    assert leases.take(0) is None
    clock.seconds += 0.15
    assert leases.take(0) is None  # the heartbeat was seen 0.15 s ago
    clock.seconds += 0.15
    assert leases.take(0) is not None
    leases.give_back()


def test_a_lease_beats_and_notes_its_row(tmp_path):
    leases = Leases(tmp_path, 0.12)
    lease = leases.take(5)
    (file,) = tmp_path.iterdir()
    lease.note_row(8)
    assert json.loads(file.read_text())["row"] == 8
    before = file.stat().st_mtime_ns
    end = time.monotonic() + 120
    while file.stat().st_mtime_ns == before and time.monotonic() < end:
        time.sleep(0.02)
    assert file.stat().st_mtime_ns > before
    assert Leases(tmp_path, 60).take(5) is None
    leases.give_back()
    assert Leases(tmp_path, 60).take(5).generation == 1


def test_one_gets_a_shard_where_files_have_no_links(tmp_path, monkeypatch):
    def no_links(*_):
        raise PermissionError

    monkeypatch.setattr(os, "link", no_links)
    first = Leases(tmp_path, 60).take(1)
    assert first is not None and Leases(tmp_path, 60).take(1) is None
    first.done()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}'])
def test_a_lease_whose_text_is_damaged_lives_by_its_heartbeat(tmp_path, text, clock):
    (tmp_path / "000000.1.lease").write_text(text)
    leases = Leases(tmp_path, 0.1)
    assert leases.take(0) is None
    clock.seconds += 0.12
    assert leases.take(0) is not None
