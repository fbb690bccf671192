"""A disk that fills: no half file stays, what was whole stays, and the message names the disk that is full."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from segcli.data.files import write_bytes_atomic
from segcli.disk import full_hint, mount_of
from segcli.errors import TrainingError
from segcli.failure_report import failure_of
from segcli.steps.train import checkpoint, run_folder
from segcli.weights.checksums import damage_in
from tests.steps.train.line_run import LineRuns


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if sys.platform != "linux" or subprocess.run(["mount", *options], capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs Linux and its administrator")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def fill(disk: Path) -> None:
    """Leaves a few kilobytes: less than a checkpoint."""
    descriptor = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError, match="No space left"):
        while True:
            os.write(descriptor, bytes(4096))
    os.close(descriptor)
    os.truncate(disk / "filler", max((disk / "filler").stat().st_size - 12288, 0))


def test_a_training_on_a_full_disk(line_run: LineRuns, small_disk):
    output = small_disk / "run"

    def change(session):
        original = session.evaluate

        def filling(network):
            if (output / "iter_4").exists():
                fill(small_disk)
            return original(network)

        session.evaluate = filling

    with pytest.raises(TrainingError, match="No space left on device") as told:
        line_run(output, change=change)
    assert Path(told.value.path).parent == output
    assert f"on the disk at {small_disk}" in told.value.hint and told.value.hint.endswith("then resume")
    assert hidden(output) == []
    assert damage_in(output / "iter_4") is None
    assert not (output / "iter_8").exists()
    (small_disk / "filler").unlink()
    assert line_run(output, resume_path="last").iterations == 8


def test_without_a_checkpoint_nobody_is_told_to_resume(tmp_path):
    with pytest.raises(TrainingError) as told, checkpoint._write_errors(tmp_path / "best_model"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert told.value.hint.endswith("then type the command again")


@pytest.mark.parametrize("failing", range(1, 12))
def test_no_half_file_stays_wherever_the_disk_fills(line_run: LineRuns, tmp_path, monkeypatch, failing):
    """The `failing`-th write that is brought to the disk after the first checkpoint fails."""
    calls, sync = [], os.fsync

    def fsync(descriptor):
        if (tmp_path / "iter_4").exists():
            calls.append(1)
            if len(calls) >= failing:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    try:
        line_run(tmp_path)
    except (TrainingError, OSError) as error:
        failure = failure_of(error)
        assert str(tmp_path) in failure.message and "/." not in failure.message
        assert f"on the disk at {mount_of(tmp_path)}" in failure.hint
    else:
        assert len(calls) < failing
    monkeypatch.setattr(os, "fsync", sync)
    run_folder.recover(tmp_path)
    assert hidden(tmp_path) == []
    for folder in tmp_path.glob("iter_*"):
        assert damage_in(folder) is None
    assert line_run(tmp_path, resume_path="last").iterations == 8


def test_a_copy_to_a_full_disk_names_the_target():
    fault = failure_of(OSError(errno.ENOSPC, "No space left on device", "/proc/source", None, "/tmp/target"))
    assert fault.message == "/tmp/target: No space left on device"
    assert f"the disk at {mount_of('/tmp/target')}," in fault.hint


def test_a_write_names_its_file_and_leaves_none(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as told:
        write_bytes_atomic(tmp_path / "deep" / "file.txt", b"content")
    assert told.value.filename == str(tmp_path / "deep" / "file.txt")
    assert list((tmp_path / "deep").iterdir()) == []
    assert "MB left" in full_hint(told.value.filename)
