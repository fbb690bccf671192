"""check_dataset prepares, then checks with the checker of the model's task."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from segcli.config.schema import Config
from segcli.errors import ConfigError, DatasetError
from segcli.findings import Severity
from segcli.progress import reporting
from segcli.steps.check.command import check_dataset
from tests.seg_folder import make_seg_folder


def config(root, output, **check):
    model = {"model": "PP-LiteSeg-T", "output": str(output), "dataset_dir": None if root is None else str(root)}
    return Config.model_validate({"Global": model, "CheckDataset": {"demo_images": 1, **check}})


@pytest.fixture
def folder(tmp_path):
    return make_seg_folder(tmp_path / "data")


def test_a_valid_dataset(folder, tmp_path):
    result = check_dataset(config(folder.root, tmp_path / "output"))
    assert result.valid
    assert ("verdict", "valid (0 errors, 0 warnings, 0 info)") in result.summary()
    assert "Check dataset passed !" in dict(result.summary()).values(), "scripts look for PaddleX's words"


def test_an_invalid_dataset_is_a_result_not_an_exception(folder, tmp_path):
    folder.mask("a0").unlink()
    result = check_dataset(config(folder.root, tmp_path / "output"))
    assert not result.valid
    assert result.count(Severity.ERROR) == 1
    assert result.as_dict()["findings"][0]["code"] == "S202"
    assert ("S202", "mask missing: 1") in result.summary()
    assert "Check dataset passed !" not in dict(result.summary()).values()


def test_no_dataset_is_an_exception(tmp_path):
    with pytest.raises(DatasetError):
        check_dataset(config(tmp_path / "absent", tmp_path / "output"))
    with pytest.raises(ConfigError, match="no dataset was given"):
        check_dataset(config(None, tmp_path / "output"))
    assert not (tmp_path / "output").exists()


def test_conversion_and_division_come_first(folder, tmp_path, monkeypatch):
    order = []

    def step(name):
        def run(_config):
            order.append(name)
            return SimpleNamespace(as_dict=lambda: {"did": name})

        return run

    for package, function in (("convert", "convert_dataset"), ("split", "split_dataset")):
        module = ModuleType(f"segcli.steps.{package}.command")
        setattr(module, function, step(package))
        monkeypatch.setitem(sys.modules, f"segcli.steps.{package}", ModuleType(f"segcli.steps.{package}"))
        monkeypatch.setitem(sys.modules, f"segcli.steps.{package}.command", module)
    values = check_dataset(
        config(
            folder.root,
            tmp_path / "output",
            convert={"enable": True, "src_dataset_type": "LabelMe"},
            split={"enable": True, "train_percent": 60, "val_percent": 40},
        )
    ).as_dict()
    assert order == ["convert", "split"]
    assert values["conversion"] == {"did": "convert"}
    assert values["split"] == {"did": "split"}


def test_progress_counts_every_sample(folder, tmp_path):
    seen = {}

    def reporter(items, label, total):
        for number, item in enumerate(items, start=1):
            seen[label] = (number, total)
            yield item

    with reporting(reporter):
        check_dataset(config(folder.root, tmp_path / "output"))
    assert seen["checking"] == (5, 5)
