"""Commands that are started without standard streams, without a home, without a current folder."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.seg_folder import make_seg_folder

ROOT = Path(__file__).resolve().parents[1]
CHECK = shlex.join([sys.executable, "-m", "segcli", "check", "data", "--output", "out"])


def shell(command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(["sh", "-c", command], cwd=cwd, env=variables, capture_output=True, check=False)


@pytest.mark.skipif(os.name == "nt", reason="closes streams in a shell")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing(tmp_path: Path, closed: str) -> None:
    make_seg_folder(tmp_path / "data")

    done = shell(f"{CHECK} {closed}", tmp_path)

    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out/check_dataset_result.json").read_text())["done_flag"] is True


@pytest.mark.skipif(os.name == "nt", reason="removes the current folder")
def test_a_current_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    make_seg_folder(tmp_path / "data")
    check = f"{shlex.quote(sys.executable)} -m segcli check {shlex.quote(str(tmp_path / 'data'))}"

    done = shell(f"mkdir gone && cd gone && rmdir ../gone && {check}", tmp_path)

    assert done.returncode == 1
    assert b"the current folder was deleted" in done.stderr
    assert b"Traceback" not in done.stderr


def test_names_of_255_bytes_are_checked(tmp_path: Path) -> None:
    folder = make_seg_folder(tmp_path / "data")
    for image, name in (("a0", "é" * 125), ("a1", "-dash"), ("a2", "x" * 251)):
        folder.image(image).rename(folder.image(name))
        folder.mask(image).rename(folder.mask(name))
    folder.write_list("train", ["é" * 125, "-dash", "x" * 251])

    done = shell(CHECK, tmp_path)

    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out/check_dataset/demo_img").iterdir())) == 5
