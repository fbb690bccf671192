"""The doctor: what it finds on machines that lack something, and what it would run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.errors import MissingPartError
from segcli.steps.doctor import command, packages, trial
from segcli.steps.doctor.command import examine, remedies, repair
from segcli.steps.doctor.health import Health, Observation, State

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """A machine with these packages; trials are not run."""
    healthy = {
        "paddlepaddle": "3.3.1", "paddleseg": "2.8.0", "paddledet": "2.6.0",
        **{name: lowest for name, (lowest, _) in packages.NEEDED.items()},
    }  # fmt: skip

    def with_packages(**changes: str | None) -> None:
        there = {**healthy, **{name.replace("_", "-"): version for name, version in changes.items()}}
        monkeypatch.setattr(packages, "installed", there.get)

    monkeypatch.setattr(trial, "check_trials", lambda: iter(()))
    monkeypatch.setattr(trial, "check_devices", lambda: iter(()))
    monkeypatch.setattr(trial, "check_onnx_gpus", lambda: iter(()))
    with_packages()
    return with_packages


def bad() -> dict[str, Observation]:
    return {found.name: found for found in examine().findings if found.state is State.BAD}


def test_a_whole_machine_is_healthy_without_optional_runtimes(machine):
    assert examine().healthy
    assert examine().remedy is None


@pytest.mark.parametrize(
    ("changes", "name", "remedy"),
    [
        ({"paddleseg": None}, "paddleseg", "install --no-deps -c {} paddleseg==2.8.0"),
        ({"paddledet": "2.5.0"}, "paddledet", "install --no-deps -c {} paddledet==2.6.0"),
        ({"numpy": "2.4.1"}, "numpy", "install -c {} numpy>=1.26,<2.4"),
        ({"numpy": "2.4"}, "numpy", "install -c {} numpy>=1.26,<2.4"),
        ({"six": None}, "six", "install -c {} six>=1.16"),
        ({"paddlepaddle": None}, "paddlepaddle", "install -c {} paddlepaddle==3.3.1"),
        ({"opencv_python": "4.10.0"}, "opencv", "uninstall -y opencv-python"),
    ],
)
def test_what_is_missing_has_its_remedy(changes: dict[str, str | None], name: str, remedy: str, machine):
    machine(**changes)
    assert set(bad()) == {name}
    assert " ".join(bad()[name].remedy) == remedy.format(packages.CONSTRAINTS)
    assert examine().remedy == "segcli doctor --fix"


def test_remedies_are_joined_and_removals_come_first(machine):
    machine(paddleseg=None, paddledet=None, opencv_python="4.6.0")
    commands = remedies(examine().findings)
    assert commands[0] == ("uninstall", "-y", "opencv-python")
    assert commands[1][-1] == "opencv-python-headless" and "--force-reinstall" in commands[1]
    assert commands[2][-2:] == ("paddleseg==2.8.0", "paddledet==2.6.0")
    assert len(commands) == 3


def test_fix_runs_pip_and_tells_when_it_fails(machine, monkeypatch: pytest.MonkeyPatch):
    machine(paddleseg=None)
    run: list[list[str]] = []
    code = 0

    def fake(arguments: list[str], check: bool) -> subprocess.CompletedProcess[str]:
        run.append(arguments[1:])
        return subprocess.CompletedProcess(arguments, code)

    monkeypatch.setattr(command.subprocess, "run", fake)
    repair()
    assert run == [["-m", "pip", "install", "--no-deps", "-c", str(packages.CONSTRAINTS), "paddleseg==2.8.0"]]
    code = 1
    with pytest.raises(MissingPartError, match="failed with code 1"):
        repair()


def test_a_trial_that_fails_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trial, "_TRIALS", {"paddleseg": "import absent_module"})
    (found,) = trial.check_trials()
    assert found.state is State.BAD and "absent_module" in found.value and found.remedy


def test_devices_are_listed_with_their_names(monkeypatch: pytest.MonkeyPatch):
    answer = subprocess.CompletedProcess([], 0, "a warning\ndevices:\ngpu:0 NVIDIA A100, 85.1 GB\nnpu:0\n")
    monkeypatch.setattr(trial, "_run", lambda _code: answer)
    found = [(one.name, one.value, one.state) for one in trial.check_devices()]
    assert found == [("gpu:0", "NVIDIA A100, 85.1 GB", State.GOOD), ("npu:0", "can be used", State.GOOD)]


def test_a_gpu_that_lies_idle_is_a_note(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trial, "unused_gpu", lambda: "install paddlepaddle-gpu")
    (found,) = trial.check_devices()  # on this machine, by the installed Paddle
    if found.name == "beside the CPU":
        assert (found.value, found.state, found.advice) == (
            "none that Paddle can use",
            State.NOTE,
            "install paddlepaddle-gpu",
        )


def test_little_shared_memory_is_a_note(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(trial, "_SHARED_MEMORY", tmp_path)
    for free, state in ((64 << 20, State.NOTE), (8 << 30, State.GOOD)):
        monkeypatch.setattr(trial.shutil, "disk_usage", lambda _path, free=free: SimpleNamespace(free=free))
        (found,) = trial.check_shared_memory()
        assert found.state is state
        assert (found.advice is not None) is (state is State.NOTE)


def test_exit_codes_and_json(machine, monkeypatch: pytest.MonkeyPatch):
    runner = CliRunner()
    assert runner.invoke(main, ["doctor"]).exit_code == 0
    machine(paddleseg=None)
    outcome = runner.invoke(main, ["doctor", "--json"])
    assert outcome.exit_code == 1
    values = json.loads(outcome.stdout)
    assert values["healthy"] is False and values["remedy"] == "segcli doctor --fix"
    shown = runner.invoke(main, ["doctor"]).stdout
    assert "not installed" in shown and "the main job cannot run" in shown


def test_a_note_is_no_fault():
    assert Health((Observation("runtimes", "openvino", "not installed", State.NOTE),)).healthy


def test_the_bounds_are_those_of_the_package():
    tomllib = pytest.importorskip("tomllib", reason="part of Python from 3.11 on")
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    bounds = {name: f"{name}>={low}" + (f",<{high}" if high else "") for name, (low, high) in packages.NEEDED.items()}
    assert set(declared) == {*bounds.values(), f"paddlepaddle=={packages.PADDLE}"}


def test_constraints_name_exact_versions_only():
    lines = [line for line in packages.CONSTRAINTS.read_text().splitlines() if not line.startswith("#")]
    assert {f"{name}=={version}" for name, version in packages.ENGINES.items()} <= set(lines)
    assert all("==" in line and "/" not in line for line in lines)
    assert "-c segcli/steps/doctor/constraints.txt" in (ROOT / "constraints.txt").read_text()


def test_python_without_a_wheel_of_paddle2onnx_is_told(machine, monkeypatch: pytest.MonkeyPatch):
    machine(paddle2onnx=None)
    monkeypatch.setattr(packages.sys, "version_info", (3, 13, 0))
    (found,) = [one for one in packages.check_runtimes() if one.name == "paddle2onnx"]
    assert "no wheel for Python 3.13" in found.value
    assert found.state is State.NOTE and not found.remedy


def test_both_builds_of_onnxruntime_in_one_folder_are_told(machine):
    machine(onnxruntime_gpu="1.31.1")
    found = {one.name: one.value for one in packages.check_runtimes() if one.name.startswith("onnxruntime")}
    assert found == {"onnxruntime-gpu": "1.31.1"}
    machine(onnxruntime="1.31.1", onnxruntime_gpu="1.31.1")
    (found,) = [one for one in packages.check_runtimes() if one.name == "onnxruntime"]
    assert found.state is State.NOTE and "write the same files" in found.value
    commands = "pip uninstall -y onnxruntime onnxruntime-gpu`, then `pip install"
    assert found.advice is not None and commands in found.advice


def test_a_build_whose_files_went_with_the_other_is_told(machine, monkeypatch: pytest.MonkeyPatch):
    machine(onnxruntime="1.31.1")
    monkeypatch.setattr(packages, "is_importable", lambda _name: False)
    (found,) = [one for one in packages.check_runtimes() if one.name == "onnxruntime"]
    assert found.state is State.NOTE and "files of onnxruntime are gone" in found.value
    assert found.advice is not None and "--force-reinstall onnxruntime==1.31.1" in found.advice


@pytest.mark.parametrize(
    ("told", "name", "value"),
    [
        ({"message": None, "remedy": None, "gpus": ["NVIDIA H100, 85.9 GB"]}, "gpu:0 of ONNX Runtime", "NVIDIA H100"),
        ({"message": "no CUDA", "remedy": "install it", "gpus": ["x"]}, "GPUs for exported models", "no CUDA"),
    ],
)
def test_gpus_of_onnx_runtime_are_listed_or_what_is_missing(told, name, value, monkeypatch: pytest.MonkeyPatch):
    answer = subprocess.CompletedProcess([], 0, f"a warning\n{json.dumps(told)}\n")
    monkeypatch.setattr(trial, "_run", lambda _code: answer)
    (found,) = trial.check_onnx_gpus()
    assert found.name == name and value in found.value and found.advice == told["remedy"]
