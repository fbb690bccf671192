"""Exit codes, result files and messages, whatever a mode does."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from segcli import app
from segcli.children import child_environment
from segcli.data.budget import given_max_pixels
from segcli.data.decoding.image_range import ImageRange, parse_range
from segcli.data.decoding.used_range import current_range, set_image_range
from segcli.errors import DatasetError, InputError, NonFiniteLossError, UsageError
from segcli.findings import Finding, Severity

ROOT = Path(__file__).resolve().parents[1]
VALUES = {"Global.model": ("--model", "PP-LiteSeg-T"), "Global.dataset_dir": ("--dataset", "data")}


@dataclass
class Result:
    """Stands for what a mode returns."""

    valid: bool = True
    complete: bool = True

    def as_dict(self) -> dict[str, Any]:
        return {"check_pass": self.valid, "answer": 42}

    def summary(self) -> list[tuple[str, str]]:
        return [("answer", "forty-two")]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Runs check_dataset with this function in the place of the real one: exit code and result file."""

    def run_with(function, *, debug: bool = False) -> tuple[int, dict[str, Any]]:
        monkeypatch.setitem(sys.modules, "stand_in", SimpleNamespace(mode=function))
        monkeypatch.setitem(app.MODES, "check_dataset", "stand_in:mode")
        code = app.start(None, [f"Global.output={tmp_path / 'out'}"], VALUES, debug=debug)
        return code, json.loads((tmp_path / "out" / "check_dataset_result.json").read_text())

    return run_with


def raising(error: BaseException):
    def mode(config):
        raise error

    return mode


def test_success(run, capsys: pytest.CaptureFixture[str]):
    code, result = run(lambda config: Result())
    assert code == 0
    assert result["done_flag"] is True and result["answer"] == 42 and result["mode"] == "check_dataset"
    assert result["schema_version"] == 1
    assert "forty-two" in capsys.readouterr().out


def test_the_limit_of_images_is_that_of_its_mode_alone(run, monkeypatch: pytest.MonkeyPatch):
    seen = []

    def mode(config):
        seen.append(given_max_pixels())
        return Result()

    with monkeypatch.context() as limited:
        limited.setitem(VALUES, "limits.max_pixels", ("argument max_pixels", 100))
        run(mode)
    run(mode)
    assert seen == [100, None]
    assert given_max_pixels() is None


def test_the_range_of_images_is_that_of_its_mode_alone(run):
    seen = []

    def mode(config):
        seen.append(current_range())
        set_image_range(parse_range([0, 4095]))
        return Result()

    run(mode)
    run(mode)
    assert seen == [ImageRange(), ImageRange()]
    assert current_range() == ImageRange()


def test_an_invalid_dataset_is_a_result(run):
    code, result = run(lambda config: Result(valid=False))
    assert code == 3
    assert result["done_flag"] is False and result["check_pass"] is False and result["answer"] == 42


def test_what_was_done_in_part_is_not_shown_as_done(run, capsys: pytest.CaptureFixture[str]):
    code, result = run(lambda config: Result(complete=False))
    assert code == 1 and result["answer"] == 42
    assert capsys.readouterr().out.startswith(("✘ check_dataset", "failed: check_dataset"))


@pytest.mark.parametrize(
    ("error", "code"),
    [(InputError("no image"), 1), (NonFiniteLossError("loss"), 1), (UsageError("no"), 2), (KeyboardInterrupt(), 130)],
)
def test_an_error_has_its_exit_code(error: BaseException, code: int, run, capsys: pytest.CaptureFixture[str]):
    got, result = run(raising(error))
    assert got == code
    assert result["done_flag"] is False and result["check_pass"] is False
    assert result["err_type"] == ("Stopped" if isinstance(error, KeyboardInterrupt) else type(error).__name__)
    assert "Traceback" not in capsys.readouterr().err


def test_findings_travel_with_a_dataset_error(run, capsys: pytest.CaptureFixture[str]):
    finding = Finding("S101", Severity.ERROR, "a.png", "is broken", hint="mend it")
    code, result = run(raising(DatasetError("bad data", [finding], path="data", hint="look")))
    assert code == 3
    assert result["err_msg"] == "data: bad data" and result["hint"] == "look"
    assert result["findings"][0]["code"] == "S101"
    shown = capsys.readouterr()
    assert "S101" in shown.out and "bad data" in shown.err and "-> look" in shown.err


def test_an_unexpected_error_is_short_and_kept(run, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    code, result = run(raising(ZeroDivisionError("division by zero")))
    assert (code, result["err_type"]) == (1, "ZeroDivisionError")
    shown = capsys.readouterr().err
    assert "--debug" in shown and "Traceback" not in shown
    assert "ZeroDivisionError" in (tmp_path / "out" / app.ERROR_LOG).read_text()
    assert run(lambda config: Result())[0] == 0
    assert not (tmp_path / "out" / app.ERROR_LOG).exists()


def test_debug_shows_the_traceback(run, capsys: pytest.CaptureFixture[str]):
    run(raising(ZeroDivisionError("division by zero")), debug=True)
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(2, "No such file", "x.png"), "x.png: No such file"),
        (MemoryError("Unable to allocate 9 GiB"), "not enough memory"),
        (OSError(28, "No space left on device"), "free some space"),
        (ModuleNotFoundError("No module named 'onnx'"), "segcli doctor"),
    ],
)
def test_what_a_user_can_cause_has_a_remedy(error: Exception, words: str, run, capsys: pytest.CaptureFixture[str]):
    assert run(raising(error))[0] == 1
    assert words in capsys.readouterr().err


def test_a_faulty_configuration_leaves_a_result_where_it_is_known(tmp_path: Path):
    options = {**VALUES, "Global.output": ("--output", str(tmp_path / "out")), "Global.mode": ("command", "train")}
    assert app.start(None, ["Train.batchsize=3"], options) == 2
    result = json.loads((tmp_path / "out" / "train_result.json").read_text())
    assert result["err_type"] == "ConfigError" and result["done_flag"] is False
    assert result["faults"][0]["key"] == "Train.batchsize"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["train_result.json"]


def test_an_output_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").write_text("")
    options = {**VALUES, "Global.output": ("--output", str(tmp_path / "file"))}
    assert app.start(None, ["Global.dataset_dir=absent"], options) != 0
    assert "Traceback" not in capsys.readouterr().err


def python(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = child_environment()
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_main_takes_several_overrides_and_prints_where_values_come_from():
    config = "configs/semantic_segmentation/PP-LiteSeg-T.yaml"
    overrides = ("-o", "Global.strict_device=T", "Train.batch_size=3", "-o", "Global.output=a=b")
    done = python("main.py", "-c", config, *overrides, "--print-config")
    assert done.returncode == 0, done.stderr
    lines = {line.split(":")[0].strip(): line for line in done.stdout.splitlines() if "#" in line}
    assert lines["strict_device"].split() == ["strict_device:", "true", "#", "-o"]
    assert lines["output"].split() == ["output:", "a=b", "#", "-o"]
    assert config in lines["model"]


def test_the_package_runs_as_a_module():
    done = python("-m", "segcli", "--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "segcli"), done.stderr


def test_main_lists_all_faults_and_executes_nothing(tmp_path: Path):
    trace = tmp_path / "executed"
    evil = f'__import__("pathlib").Path("{trace}").touch()'
    config = "configs/semantic_segmentation/PP-LiteSeg-T.yaml"
    done = python("main.py", "-c", config, "-o", f"Train.epochs_iters={evil}", "Train.batchsize=3")
    assert done.returncode == 2
    assert "2 faults" in done.stderr and "did you mean Train.batch_size?" in done.stderr
    assert not trace.exists()


HEAVY = ("paddle", "numpy", "cv2", "matplotlib", "omegaconf", "scipy", "PIL")


@pytest.mark.parametrize(
    ("call", "light"),
    [
        ("from segcli.cli.main import main; main(['--help'], standalone_mode=False)", (*HEAVY, "pydantic", "yaml")),
        ("from segcli.app import start; start('absent.yaml')", HEAVY),
        ("from segcli.app import start; start('{config}', print_config=True)", HEAVY),
        ("from segcli.cli.main import main; main(['models'], standalone_mode=False)", HEAVY),
        ("from segcli.cli.main import main; main(['check', 'absent'], standalone_mode=False)", HEAVY),
        ("from segcli.cli.main import main; main(['train', 'absent'], standalone_mode=False)", HEAVY),
    ],
)
def test_what_answers_at_once_imports_nothing_heavy(call: str, light: tuple[str, ...], tmp_path: Path):
    call = call.format(config=ROOT / "configs/semantic_segmentation/PP-LiteSeg-T.yaml")
    told = f"print('LOADED', *[name for name in {light!r} if name in sys.modules])"
    done = python("-c", f"import sys\n{call}\n{told}", folder=tmp_path)
    assert done.stdout.splitlines()[-1] == "LOADED", done.stdout + done.stderr


@pytest.mark.parametrize(
    "module", ["segcli.steps.check.command", "segcli.data.formats.masks", "segcli.steps.demo.command"]
)
def test_work_on_data_never_imports_paddle(module: str):
    done = python("-c", f"import sys, {module}; print('paddle' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr


def test_the_first_prediction_imports_what_it_needs_alone():
    libraries = ("paddle", "pandas", "matplotlib", "tifffile", "rich", "onnx", "openvino")
    of_others = ("data.formats.coco_writer", "engine", "inference.guests.folder", "inference.guests.instances")
    of_runtimes = ("band_graph", "band_network", "local_rows", "openvino_core", "split_runtime")
    ours = (*of_others, *(f"inference.runtimes.{name}" for name in of_runtimes))
    unneeded = (*libraries, *(f"segcli.{name}" for name in ours))
    modules = "segcli.steps.predict.command, segcli.steps.predict.semantic, segcli.inference.runtimes.onnx_runtime"
    done = python("-c", f"import sys, {modules}; print([name for name in {unneeded!r} if name in sys.modules])")
    assert done.stdout.strip() == "[]", done.stderr


def _break() -> int:
    raise ZeroDivisionError("told")


def test_error_log_is_not_written_through_a_link(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    output = tmp_path / "out"
    output.mkdir()
    (output / app.ERROR_LOG).symlink_to(victim)

    app.guard(_break, output=output)

    assert victim.read_text() == "mine"
    assert "ZeroDivisionError" in (output / app.ERROR_LOG).read_text()
    assert not (output / app.ERROR_LOG).is_symlink()


def test_error_log_in_the_shared_folder_has_a_name_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / app.ERROR_LOG).symlink_to(victim)

    app.guard(_break)
    app.guard(_break)

    assert victim.read_text() == "mine"
    logs = [path for path in tmp_path.glob("segcli_error-*.log") if "ZeroDivisionError" in path.read_text()]
    assert len(logs) == 2


TOO_LONG = "w" * 300


def test_a_configuration_whose_name_is_too_long_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.start(TOO_LONG) == 2
    assert "this name of 300 characters is longer" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("words", [("check", TOO_LONG), ("train", ".", "--weights", TOO_LONG)])
def test_a_name_that_is_too_long_is_told_before_and_in_the_work(words: tuple[str, ...], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "segcli", *words, "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=child_environment(), capture_output=True, text=True, check=False)

    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "longer than the file system allows" in json.loads(done.stdout)["err_msg"]
    assert list(tmp_path.iterdir()) == []
