"""The functions of `segcli`: their examples, called again and again, and beside the commands of the same names."""

from __future__ import annotations

import doctest
import inspect
import json
import shutil
import subprocess
import sys
import typing
from importlib import import_module
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import segcli
from segcli import api
from segcli.cli import modes
from segcli.cli.main import main
from segcli.errors import ConfigError, DatasetError, UsageError
from segcli.steps.demo.command import make_demo

ON_DATASETS = ("check", "convert", "fix", "split")
ON_MODELS = ("train", "evaluate", "export", "predict")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of ``segcli demo data``, small."""
    folder = tmp_path_factory.mktemp("api") / "data"
    make_demo(folder, images=5)
    return folder


@pytest.fixture
def data(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, as `data` in the working directory."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(dataset, tmp_path / "data"))


def run_example(name: str) -> None:
    (example,) = doctest.DocTestFinder(recurse=False).find(getattr(api, name), name)
    outcome = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example)
    assert outcome.attempted > 1 and outcome.failed == 0


def test_the_public_names_are_these():
    assert segcli.__all__ == ["__version__", *sorted([*ON_DATASETS, *ON_MODELS, "create_model", "create_pipeline"])]
    assert set(segcli.__all__) <= set(dir(segcli))
    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        _ = segcli.chekc


@pytest.mark.parametrize("name", [*ON_DATASETS, *ON_MODELS])
def test_functions_are_typed_and_not_shadowed_by_modules(name: str):
    import_module(f"segcli.steps.{name}.command")
    function = getattr(segcli, name)
    assert inspect.isfunction(function) and function is getattr(segcli, name)
    assert set(inspect.signature(function).parameters) | {"return"} == set(function.__annotations__)
    assert typing.get_args(function.__annotations__) == ()


@pytest.mark.parametrize("name", ["check", *ON_MODELS])
def test_a_function_takes_what_its_command_takes(name: str):
    """Each option that sets a key of the configuration is an argument of the same name."""
    assert get_command(main).commands[name].name == name  # looked up, it is imported
    known = set(inspect.signature(getattr(segcli, name)).parameters)
    second_names = {"dataset_option", *(["formats"] if name == "predict" else [])}
    assert set(modes._keys(name)) - second_names <= known


def results_are_typed() -> None:
    """Read by the type checker: cross-validation has another result."""
    score: float | None = segcli.train("data").best_score
    scores: list[float] = segcli.train("data", folds=3).scores
    del score, scores


def test_importing_segcli_is_cheap():
    code = "import sys, segcli; print(*(n for n in ('numpy', 'pydantic', 'typer', 'paddle') if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("name", ON_DATASETS)
def test_examples_on_a_dataset(name: str, data: Path):
    run_example(name)


def test_examples_on_a_model(data: Path, dataset: Path):
    for name in ON_MODELS:
        run_example(name)
    assert json.loads(Path("output/predict_result.json").read_text())["done_flag"] is True


def test_functions_on_a_dataset_are_called_twice(data: Path):
    assert segcli.convert("data", "coco", "coco").made == segcli.convert("data", "again", "coco").made
    segcli.convert("data")
    assert segcli.check("data").as_dict() == segcli.check("data").as_dict()
    first, second = (segcli.split("data", train_percent=60, seed=seed).plan for seed in (1, 1))
    assert first.files == second.files


@pytest.mark.slow
def test_functions_on_a_model_are_called_twice(data: Path):
    segcli.convert("data")
    for resume in (False, True):
        trained = segcli.train("data", model="UNet-S", epochs_iters=2, batch_size=2, resume=resume)
        assert trained.iterations == 2
    assert segcli.evaluate().as_dict() == segcli.evaluate().as_dict()
    assert segcli.export().files == segcli.export().files
    found = [segcli.predict(["data/images/0001.jpg", Path("data/images/0004.jpg")], save_dir="p") for _ in range(2)]
    assert found[0].predicted == found[1].predicted


def test_a_function_and_its_command_leave_the_same(data: Path):
    segcli.convert("data")
    segcli.check("data", output="ours", ignore=["S5"])
    assert CliRunner().invoke(main, ["check", "data", "--output", "theirs", "--ignore", "S5"]).exit_code == 0
    ours, theirs = (Path(folder, "check_dataset_result.json").read_text() for folder in ("ours", "theirs"))
    assert ours == theirs


def test_faults_name_the_argument(data: Path):
    with pytest.raises(ConfigError, match=r"Train.batch_size \(argument batch_size\)"):
        segcli.train("data", batch_size=0)
    with pytest.raises(ConfigError, match=r"Train.nonsense \(overrides\)"):
        segcli.check("data", overrides={"Train.nonsense": 1})
    with pytest.raises(UsageError, match="needs `target` and `to`"):
        segcli.convert("data", "elsewhere")
    with pytest.raises(ValueError, match="nonsense"):
        segcli.check("data", task="nonsense")  # type: ignore[arg-type]


def test_a_failure_is_left_in_the_result_file(data: Path):
    with pytest.raises(DatasetError):
        segcli.check("data", output="out")  # LabelMe data that were not converted
    result = json.loads(Path("out/check_dataset_result.json").read_text())
    assert result["done_flag"] is False and result["err_type"] == "DatasetError"
