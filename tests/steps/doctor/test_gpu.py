"""Paddle's GPU build comes in the place of the CPU build: planned, shown, and put back where it fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.errors import MissingPartError, UsageError
from segcli.steps.doctor import gpu, packages
from segcli.steps.doctor.gpu import install_gpu, plan_gpu
from segcli.steps.doctor.health import Health

INDEX = "https://packages.example/stable/cu126/"


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch):
    """A driver that serves a CUDA version, or none."""

    def serving(*version: int) -> None:
        monkeypatch.setattr(gpu, "driver_cuda", lambda: version or None)

    return serving


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A stub of ``python -m pip`` that notes its words and fails where one of them says so."""
    log = tmp_path / "pip.log"

    def failing(*words: str):
        stub = tmp_path / "python"
        cases = "".join(f'case "$*" in *"{word}"*) exit 1;; esac\n' for word in words)
        stub.write_text(f'#!/bin/sh\necho "$@" >> {log}\n{cases}')
        stub.chmod(0o755)
        monkeypatch.setattr(gpu.sys, "executable", str(stub))
        return lambda: [line.split()[2:] for line in log.read_text().splitlines()]

    return failing


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch):
    def with_packages(**there: str) -> None:
        named = {name.replace("_", "-"): version for name, version in there.items()}
        monkeypatch.setattr(packages, "installed", named.get)

    with_packages(paddlepaddle="3.3.1")
    return with_packages


def test_the_plan_says_what_will_be_done(driver, installed):
    driver(12, 8)
    rows = dict(plan_gpu(INDEX).rows())
    assert rows == {
        "driver": "12.8",
        "download": f"paddlepaddle-gpu==3.3.1 from {INDEX}",
        "remove": "paddlepaddle",
        "install": "paddlepaddle-gpu==3.3.1",
    }


def test_an_index_is_asked_for_and_must_fit_the_driver(driver, installed):
    driver(11, 8)
    with pytest.raises(UsageError, match="the driver serves CUDA 11") as fault:
        plan_gpu(None)
    assert "--index URL" in str(fault.value.hint)
    with pytest.raises(UsageError, match="the index is for CUDA 12"):
        plan_gpu(INDEX)


def test_without_a_driver_nothing_begins(driver, installed):
    driver()
    with pytest.raises(MissingPartError, match="no NVIDIA driver") as fault:
        plan_gpu(INDEX)
    assert "CUDA_VISIBLE_DEVICES" in str(fault.value.hint)


def test_the_download_comes_before_the_removal(driver, installed, pip):
    driver(12, 6)
    called = pip()
    install_gpu(plan_gpu(INDEX))
    download, removal, installation = called()
    assert download[0] == "download" and "--no-deps" in download and INDEX in download
    assert removal == ["uninstall", "-y", "paddlepaddle"]
    assert installation[0] == "install" and installation[-1] == "paddlepaddle-gpu==3.3.1" and INDEX in installation


def test_what_cannot_be_downloaded_changes_nothing(driver, installed, pip):
    driver(12, 6)
    called = pip("download")
    with pytest.raises(MissingPartError, match="nothing was changed"):
        install_gpu(plan_gpu(INDEX))
    assert len(called()) == 1


def test_the_cpu_build_comes_back(driver, installed, pip):
    driver(12, 6)
    called = pip("install --find-links")
    with pytest.raises(MissingPartError, match="the CPU build is back"):
        install_gpu(plan_gpu(INDEX))
    assert called()[-1][-1] == "paddlepaddle==3.3.1"


def test_what_is_there_stays(driver, installed, pip):
    driver(12, 6)
    installed(paddlepaddle_gpu="3.3.1")
    assert plan_gpu(None).is_done
    install_gpu(plan_gpu(None))


def test_the_command_shows_the_plan_and_asks(driver, installed, monkeypatch: pytest.MonkeyPatch):
    driver(12, 6)
    outcome = CliRunner().invoke(main, ["doctor", "--fix", "--gpu", "--index", INDEX])
    assert outcome.exit_code == 2 and "what is going to be done" in outcome.output and "--yes" in outcome.output
    done: list[object] = []
    monkeypatch.setattr(gpu, "install_gpu", done.append)
    monkeypatch.setattr("segcli.steps.doctor.command.repair", lambda: done.append("repaired"))
    monkeypatch.setattr("segcli.steps.doctor.command.examine", lambda: Health(()))
    outcome = CliRunner().invoke(main, ["doctor", "--fix", "--gpu", "--index", INDEX, "--yes"])
    assert outcome.exit_code == 0, outcome.output
    assert len(done) == 2 and done[1] == "repaired"
