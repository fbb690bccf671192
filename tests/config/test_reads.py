"""Each mode of each task is run small while the keys that it reads are recorded: declared and read are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from segcli.app import MODES
from segcli.config.keys import OPTIONAL_SECTIONS, leaves, meanings
from segcli.config.load import from_values
from segcli.config.schema import Config, Section
from segcli.config.schema.meaning import MODES as ORDER
from segcli.lazy import load_object
from segcli.models.names import MODEL_TASKS
from segcli.steps.demo.command import make_demo
from tests.coco_folder import make_coco_folder
from tests.images import make_seg_dataset

pytestmark = pytest.mark.slow

ELSEWHERE = {
    "Global.mode",  # chooses the mode; read before any of them runs
    "limits.max_pixels",
    "Global.export_with_pir",  # a refusal reads it
    "Predict.input",  # images of the dataset are there, so export needs none
    "Train.time",  # of the plan, which has tests of its own
    "Train.dist_port",  # of several machines, likewise
    "Train.scale_learning_rate",  # where a recipe tells the batch that its rate is made for
    "Evaluate.augment.mean_of",  # where there are several views
    "Predict.augment.mean_of",  # likewise
    "Train.promptable.cache_dir",  # where the encoder is frozen
    *(f"Predict.promptable.{name}" for name in ("points_per_side", "min_score", "min_stability")),  # with `everything`
}
"""Keys that are read before the mode begins, or only where another value is there or missing."""
LOOKED_AT = {
    "Global.input_channels",
    "CheckDataset.convert.enable",
    "CheckDataset.split.enable",
    "CheckDataset.with_model",
    "Train.accumulate",
    "Train.folds",
    "Train.freeze",
    "Train.images_per_epoch",
    "Predict.promptable.everything",
}
"""What the code of all models looks at, also for models that refuse it: there it has its default, off."""
_CONVERTS_BY = ("src_dataset_type", "line_width", "point_size", "skip_faulty")
CONVERSION = {f"CheckDataset.convert.{name}" for name in _CONVERTS_BY}
"""Read where a conversion is enabled, as in the test of its own below."""


class Recorder:
    """The dotted keys that are read from a configuration."""

    def __init__(self) -> None:
        self.read: set[str] = set()
        self.places: dict[int, str] = {}
        self.kept: list[Any] = []

    def note(self, section: Section, name: str, value: Any) -> None:
        prefix = "" if isinstance(section, Config) else self.places.get(id(section))
        if prefix is None or name not in type(section).model_fields:
            return
        key = f"{prefix}{name}"
        self.read.add(key)
        if isinstance(value, Section):
            self.places[id(value)] = f"{key}."
            self.kept.append(value)  # so that no other object takes its id


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    found = Recorder()
    plain = Section.__getattribute__

    def recording(self: Section, name: str) -> Any:
        value = plain(self, name)
        if not name.startswith("_"):
            found.note(self, name, value)
        return value

    monkeypatch.setattr(Section, "__getattribute__", recording)
    return found


SMALL: dict[str, dict[str, Any]] = {
    "UNet-S": {
        "Train.epochs_iters": 2,
        "Train.eval_interval": 2,
        "Train.transforms": [
            {"type": "Resize", "target_size": [64, 64]},
            {"type": "Normalize", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
        ],
    },
    "SeedUNet-S": {"Train.epochs_iters": 1, "Train.input_size": 64},
    "SAM-tiny": {"Train.epochs_iters": 1, "Predict.prompts": {"objects": [{"box": [4, 4, 20, 20]}]}},
    "LSeg-tiny": {"Train.epochs_iters": 1, "Predict.prompts": {"objects": [{"text": "leaf"}]}},
}
MASKS = ("UNet-S", "LSeg-tiny")
"""Models that learn from label maps; the others learn from objects."""
ALWAYS = {
    "Train.plan": "off",
    "Train.early_stop.enable": True,
    "Train.ema.enable": True,
    "Predict.kernel_option.run_mode": "paddle",
    "CheckDataset.split.enable": True,
    "CheckDataset.split.train_percent": 60,
    "CheckDataset.split.val_percent": 40,
}


@pytest.mark.parametrize("model", list(SMALL))
def test_what_a_mode_reads_is_what_is_declared_for_it(model: str, tmp_path: Path, recorder: Recorder):
    task = MODEL_TASKS[model]
    data = tmp_path / "data"
    (make_seg_dataset if model in MASKS else make_coco_folder)(data, train=3, val=2)
    wrong: list[str] = []
    for mode in ORDER:
        given = {
            "Global.model": model,
            "Global.mode": mode,
            "Global.dataset_dir": str(data),
            "Global.output": str(tmp_path / "output"),
            "Global.device": "cpu",
            "Predict.input": str(data / "images"),
            **{key: value for key, value in ALWAYS.items() if meanings()[key].modes(model, task)},
            **SMALL[model],
        }
        config = from_values(given).config
        recorder.read.clear()
        load_object(MODES[mode])(config)
        read = {key for key in recorder.read if key in leaves()} - ELSEWHERE
        declared = {key for key, meaning in meanings().items() if mode in meaning.modes(model, task)} - ELSEWHERE
        optional = {key for key in declared if key.rpartition(".")[0] in OPTIONAL_SECTIONS} | CONVERSION
        refused = {key for key in LOOKED_AT if not meanings()[key].modes(model, task)}
        wrong += [f"{mode}: {key} is read and not declared" for key in sorted(read - declared - refused)]
        wrong += [f"{mode}: {key} is declared and not read" for key in sorted(declared - read - optional)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("model", ["UNet-S", "SeedUNet-S", "SAM-tiny"])
def test_a_conversion_reads_its_keys(model: str, tmp_path: Path, recorder: Recorder):
    make_demo(tmp_path / "data", images=6)
    given = {
        "Global.model": model,
        "Global.dataset_dir": str(tmp_path / "data"),
        "Global.output": str(tmp_path / "output"),
        "CheckDataset.convert.enable": True,
        "CheckDataset.convert.src_dataset_type": "LabelMe",
    }
    load_object(MODES["check_dataset"])(from_values(given).config)
    assert recorder.read >= CONVERSION - {"CheckDataset.convert.src_dataset_type"}  # a rule has read that before
