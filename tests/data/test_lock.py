"""A lock is held by one, says by whom, and is open again after any end of its process."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from segcli.data import lock as module
from segcli.data.lock import holder, locked
from segcli.errors import BusyError, UsageError

HOLD = """
import sys, time
from pathlib import Path
from segcli.data.lock import locked
with locked(Path(sys.argv[1]), "segcli split", what="it") as lock:
    lock.note(step="7")
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "lock"


@pytest.fixture
def other(path):
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_second_is_told_who_holds_it(path, other):
    with pytest.raises(BusyError, match=f"segcli split, process {other.pid}, since"), locked(path, "b", what="it"):
        pass
    assert holder(path).pid == other.pid
    assert holder(path).host == socket.gethostname()


def test_a_killed_holder_leaves_its_notes_and_no_lock(path, other):
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert path.is_file()
    assert holder(path) is None
    with locked(path, "segcli undo", what="it") as lock:
        assert lock.left == {"step": "7"}
        assert holder(path).doing == "segcli undo"
    assert not path.exists()


def test_two_threads_do_not_share_it(path):
    with locked(path, "a", what="it"), pytest.raises(BusyError), locked(path, "b", what="it"):
        pass


def test_who_only_looks_writes_nothing(path):
    assert holder(path) is None
    assert not path.parent.exists()


def test_a_short_hold_is_waited_for(path):
    begun = threading.Event()

    def hold():
        with locked(path, "a", what="it"):
            begun.set()
            time.sleep(0.1)

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait()
    with locked(path, "b", what="it"):
        pass
    thread.join()


def test_a_forked_child_does_not_keep_it(path):
    with locked(path, "a", what="it"):
        child = os.fork()
        if child == 0:
            time.sleep(30)
            os._exit(0)
    try:
        with locked(path, "b", what="it"):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_one_of_many_gets_it_each_time(path):
    """Its file comes and goes while others open it; no two ever hold it together."""
    inside, most, done = [0], [0], [0]
    guard = threading.Lock()

    def work():
        for _ in range(40):
            try:
                with locked(path, "a", what="it"):
                    with guard:
                        inside[0] += 1
                        most[0] = max(most[0], inside[0])
                    time.sleep(0)
                    with guard:
                        inside[0] -= 1
                        done[0] += 1
            except BusyError:
                pass

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert done[0] > 40


@pytest.mark.parametrize("text", [b"", b"no json", b"[1]", b'{"pid": -1}', b"[" * 50_000, b"\xff\xfe"])
def test_a_file_of_others_words_is_no_owner(path, text):
    path.parent.mkdir()
    path.write_bytes(text)
    assert holder(path) is None
    with locked(path, "a", what="it") as lock:
        assert lock.left == {}


@pytest.mark.parametrize("make", ["link", "folder", "fifo"])
def test_what_is_no_file_is_refused_and_left_alone(tmp_path, path, make):
    path.parent.mkdir()
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    {"link": lambda: path.symlink_to(victim), "folder": path.mkdir, "fifo": lambda: os.mkfifo(path)}[make]()
    with pytest.raises(UsageError, match="no plain file"), locked(path, "a", what="it"):
        pass
    assert victim.read_bytes() == b"mine"
    assert holder(path) is None


@pytest.fixture
def no_locks(monkeypatch):
    """A file system that keeps none."""

    def refuse(descriptor, how):
        raise OSError(module.errno.ENOTSUP, "no locks here")

    monkeypatch.setattr(module.fcntl, "flock", refuse)


def record(path, pid, host):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"pid": pid, "host": host, "doing": "segcli fix", "since": "now"}))


def test_without_locks_the_named_process_is_looked_for(path, no_locks, other):
    record(path, other.pid, socket.gethostname())
    with pytest.raises(BusyError, match=str(other.pid)), locked(path, "a", what="it"):
        pass
    other.kill()
    other.wait()
    with locked(path, "a", what="it"):
        pass


def test_without_locks_another_host_is_believed(path, no_locks):
    record(path, 1, "elsewhere")
    with pytest.raises(BusyError, match="on elsewhere") as caught, locked(path, "a", what="it"):
        pass
    assert f"delete {path}" in caught.value.hint


def test_a_full_disk_is_named_and_nothing_stays(path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "_write", full)
    with pytest.raises(OSError, match="No space left") as fault, locked(path, "a test", what="the folder"):
        pass
    assert fault.value.filename == str(path)
    assert not path.exists()
