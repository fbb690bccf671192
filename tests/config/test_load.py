"""The configuration layer: what is accepted, what is refused, and that all faults come at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from segcli.config.check import parse_device
from segcli.config.load import from_values, load_config
from segcli.config.show import show
from segcli.config.yaml_text import parse_value
from segcli.errors import ConfigError
from segcli.models.names import MODEL_TASKS
from segcli.steps.predict import options
from tests.conftest import SHARED

PADDLEX = SHARED / "refs" / "paddlex_configs.json"
MINIMAL = "Global:\n  model: PP-LiteSeg-T\n  dataset_dir: data\n"


@pytest.fixture
def write(tmp_path: Path):
    def write_text(text: str) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_text


def faults_of(path: Path | None, *overrides: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    return {fault.key: str(fault) for fault in caught.value.faults}


def paddlex_modules() -> list[tuple[str, str]]:
    if not PADDLEX.exists():
        return []
    return [(task, name) for task, models in json.loads(PADDLEX.read_text()).items() for name in models]


def test_all_modules_of_paddlex_are_listed():
    if not PADDLEX.exists():
        pytest.skip("shared/refs/paddlex_configs.json is not beside this checkout")
    assert len(paddlex_modules()) == 37
    assert {name: MODEL_TASKS[name].value for _, name in paddlex_modules()} == {n: t for t, n in paddlex_modules()}


@pytest.mark.parametrize(("task", "name"), paddlex_modules())
def test_a_module_of_paddlex_is_accepted_unchanged(task: str, name: str, write):
    values = json.loads(PADDLEX.read_text())[task][name]
    config = load_config(write(yaml.safe_dump(values))).config.model_dump(mode="json")
    for section, entries in values.items():
        for key, value in entries.items():
            if not isinstance(value, dict):
                assert config[section][key] == value
    if "prompts" in values["Predict"]:
        assert config["Predict"]["prompts"] == values["Predict"]["prompts"]


def test_later_sources_win_and_are_named(write):
    path = write(MINIMAL + "Train:\n  batch_size: 4\n  log_interval: 5\n")
    loaded = load_config(
        path, ["Train.log_interval=7", "Train.log_interval=8"], {"Global.dataset_dir": ("--dataset", "x")}
    )
    assert (loaded.config.Train.batch_size, loaded.config.Train.log_interval) == (4, 8)
    assert loaded.config.Global.dataset_dir == "x"
    assert loaded.origins["Train.batch_size"] == f"{path}:5"
    assert loaded.origins["Train.log_interval"] == "-o"
    assert loaded.origins["Global.dataset_dir"] == "--dataset"
    assert loaded.origins["Train.eval_interval"] == "default"


def test_all_faults_at_once_with_value_place_and_nearest_word(write):
    path = write(
        "Global:\n  model: PP-LiteSg-T\n  mode: chek_dataset\n  device: cuda:0\n"
        "CheckDataset:\n  split: {enable: true, train_percent: 80, val_percent: 30}\n"
        "Train:\n  batchsize: 3\n  epochs_iters: many\n  crop_size: [1, a]\n  basic_config_path: x.yaml\n"
        "Trian:\n  x: 3\n"
        "Benchmark: {iters: 1}\n"
    )
    faults = faults_of(path, "Export.weights=1", "Global.output")
    assert set(faults) == {
        "Global.model",
        "Global.mode",
        "Global.device",
        "CheckDataset.split",
        "Train.batchsize",
        "Train.epochs_iters",
        "Train.crop_size",
        "Train.basic_config_path",
        "Trian",
        "Benchmark",
        "Export.weights",
        "Global.output",
    }
    assert "did you mean PP-LiteSeg-T" in faults["Global.model"]
    assert "'chek_dataset'" in faults["Global.mode"] and "did you mean check_dataset?" in faults["Global.mode"]
    assert "did you mean gpu:0?" in faults["Global.device"]
    assert "make 110" in faults["CheckDataset.split"] and "20" in faults["CheckDataset.split"]
    assert f"{path}:8" in faults["Train.batchsize"] and "Train.batch_size" in faults["Train.batchsize"]
    assert "'many'; expected a whole number of at least 1" in faults["Train.epochs_iters"]
    assert "a list of 2 whole numbers" in faults["Train.crop_size"]
    assert "hidden" in faults["Train.basic_config_path"]
    assert "did you mean Train?" in faults["Trian"]
    assert "(-o)" in faults["Export.weights"] and "Export.weight_path" in faults["Export.weights"]


@pytest.mark.parametrize(
    ("override", "fault"),
    [
        ("Global.export_with_pir=False", "PIR form"),
        ("CheckDataset.convert.enable=True", "LabelMe"),
        ("CheckDataset.convert.src_dataset_type=COCA", "expected LabelMe"),
        ("CheckDataset.split.enable=True", "is needed when the split is enabled"),
        ("Predict.prompts={box_prompt: [[0, 0, 9, 9]]}", "takes no prompts"),
        ("Predict.kernel_option.run_mode=trt_fp16", "expected paddle or mkldnn"),
        ("Predict.kernel_option.run_mode=mkldnn_bf16", "fewer bits"),
        ("Predict.engine=onnxruntme", "did you mean onnxruntime?"),
        ("Global.mode=predict", "Predict.input"),
        ("Global.mode=pdparams2safetensors", "segcli weights convert"),
        ("Global.dataset_dir=", "is missing"),
        ("Train.batch_size=true", "whole number"),
        ("Train.batch_size=0", "at least 1"),
        ("Train.learning_rate=.inf", "a number above 0"),
        ("Train.uniform_output_enabled=False", "expected true, or null"),
        ("Train.class_weights=[1.0, -1.0]", "0 or more"),
        ("Export.input_shape=[1, 40, 8, 8]", "[N, channels, H, W]"),
        ("Evaluate.sliding_window={crop_size: [8, 8], stride: [9, 8]}", "pixels between tiles"),
        ("Evaluate.tile_loss=true", "set Evaluate.sliding_window.crop_size"),
        ("Train=3", "expected a section"),
        ("Train.transforms[0].size=3", "is not a list"),
        ("Train.loss=[1", "not valid YAML"),
        ("Train.eval_interval=${Global.outputs}", "refers to a value that does not exist"),
        ("=3", "has no key"),
    ],
)
def test_a_fault_has_its_reason(override: str, fault: str, write):
    assert fault in "\n".join(faults_of(write(MINIMAL), override).values())


def test_predictions_have_no_tiles(write):
    given = "Evaluate.tile_loss=true", "Evaluate.predictions=results", "Evaluate.memory_mb=1"
    assert "needs a network" in faults_of(write(MINIMAL), *given)["Evaluate.tile_loss"]


@pytest.mark.parametrize(
    ("text", "faults"),
    [("a: [1", "not valid YAML"), ("[1, 2]", "holds no sections"), ("Global: {seed: 1, seed: 2}", "is given twice")],
)
def test_a_file_that_is_no_configuration(text: str, faults: str, write):
    assert faults in "\n".join(faults_of(write(text)).values())


def test_a_file_that_is_not_there(tmp_path: Path):
    assert "cannot be read" in "".join(faults_of(tmp_path / "absent.yaml").values())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("None", None),
        ("", None),
        ("T", True),
        ("f", False),
        ("TRUE", True),
        ("1e-4", 1e-4),
        ("3", 3),
        ("[1, None, a]", [1, None, "a"]),
        ("{type: SGD, weight_decay: 4e-5}", {"type": "SGD", "weight_decay": 4e-5}),
        ("a=b", "a=b"),
        ("*.jpg", "*.jpg"),
        ("a: b", "a: b"),
        ("x #1", "x #1"),
        ("2024-05-01", "2024-05-01"),
        ("OFF", "OFF"),
        ("'5'", "5"),
    ],
)
def test_values_after_o(text: str, value: object):
    assert parse_value(text) == value


def test_an_equals_sign_and_a_number_are_a_folder_where_a_text_is_wanted(write):
    config = load_config(write(MINIMAL), ["Global.output=a=b=c", "Global.dataset_dir=007"]).config
    assert (config.Global.output, config.Global.dataset_dir) == ("a=b=c", "007")


@pytest.mark.parametrize(
    "value", ['__import__("pathlib").Path("{}").touch()', '!!python/object/apply:os.mkdir ["{}"]',
              '[!!python/object/apply:os.mkdir ["{}"]]', "${{oc.create:{}}}"],
)  # fmt: skip
def test_nothing_after_o_is_executed(value: str, tmp_path: Path, write):
    trace = tmp_path / "executed"
    with pytest.raises(ConfigError):
        load_config(write(MINIMAL), [f"Train.epochs_iters={value.format(trace)}"])
    assert not trace.exists()


def test_references_point_to_other_values(write):
    path = write(MINIMAL + "Export:\n  weight_path: ${Global.output}/best_model/model.pdparams\n")
    assert load_config(path, ["Global.output=run7"]).config.Export.weight_path == "run7/best_model/model.pdparams"


def test_the_exported_model_is_looked_for_in_the_output(write):
    assert load_config(write(MINIMAL), ["Global.output=run7"]).config.Predict.model_dir == "run7/best_model/inference"


def test_free_mappings_and_lists_are_reached_into(write):
    path = write(MINIMAL + "Train:\n  transforms:\n    - {type: Resize, size: 3}\n")
    train = load_config(path, ["Train.transforms[0].size=5", "Train.optimizer.type=SGD"]).config.Train
    assert train.transforms == ({"type": "Resize", "size": 5},)
    assert train.optimizer == {"type": "SGD"}


def test_epochs_are_the_unit_of_instance_models():
    loaded = from_values({"Global.model": "SOLOv2", "Global.dataset_dir": "d"})
    assert (loaded.config.Train.epochs_iters, loaded.config.Train.eval_interval) == (40, 1)
    assert loaded.origins["Train.epochs_iters"] == "default of instance_segmentation"


def test_what_is_shown_is_the_same_configuration(write):
    loaded = load_config(write(MINIMAL), ["Evaluate.sliding_window={crop_size: [8, 8], stride: [4, 4]}"])
    text = show(loaded)
    assert load_config(write(text)).config == loaded.config
    assert "crop_size: [8, 8]" in text and "# -o" in text


def test_what_a_plan_may_still_set_is_told_and_long_texts_fit(write):
    texts = {"Train.batch_size": "why " * 40, "Train.lr_scheduler": "why: it " * 40}
    given = {"Global.model": "SegFormer-B0", "Global.mode": "train", "Global.dataset_dir": "d", "Train.plan": "auto"}
    loaded = from_values({**given, "Train.plan_reasons": texts, "Train.batch_size": 3})
    lines = show(loaded).splitlines()
    assert max(map(len, lines)) <= 80
    (length,) = [line for line in lines if line.startswith("  epochs_iters:")]
    assert length.endswith(", or planned")
    assert not any("or planned" in line for line in lines if line.startswith("  batch_size: 3"))
    read = load_config(write(show(loaded))).config.Train
    assert {key: why.strip() for key, why in (read.plan_reasons or {}).items()} == {
        key: why.strip() for key, why in texts.items()
    }


def test_a_fault_tells_mode_and_output_where_they_are_known(write):
    with pytest.raises(ConfigError) as caught:
        load_config(write(MINIMAL), ["Global.mode=train", "Global.output=o", "Train.batch_size=x"])
    assert (caught.value.mode, caught.value.output) == ("train", "o")
    with pytest.raises(ConfigError) as caught:
        load_config(write(MINIMAL), ["Global.mode=trian"])
    assert (caught.value.mode, caught.value.output) == (None, None)


@pytest.mark.parametrize(
    ("device", "parsed"),
    [
        ("cpu", ("cpu", ())),
        ("auto", ("auto", ())),
        ("gpu:0,1", ("gpu", (0, 1))),
        ("npu:3", ("npu", (3,))),
        ("metax_gpu", ("metax_gpu", ())),
    ],
)
def test_devices(device: str, parsed: tuple[str, tuple[int, ...]]):
    assert parse_device(device) == parsed


@pytest.mark.parametrize("device", ["cpu:0", "gpu:", "gpu:a", "gpu:0,", "gpu:0,0", "GPU", "auto:0", ""])
def test_what_is_no_device(device: str):
    with pytest.raises(ValueError):
        parse_device(device)


@pytest.mark.parametrize(
    ("overrides", "runtime"),
    [
        ([], "auto"),
        (["Predict.engine=onnxruntime"], "onnxruntime"),
        (["Predict.kernel_option.run_mode=paddle"], "paddle"),
        (["Predict.runtime=openvino", "Predict.engine=onnxruntime"], "openvino"),
    ],
)
def test_the_auto_of_our_files_hides_no_word_of_paddlex(overrides: list[str], runtime: str):
    path = Path(__file__).resolve().parents[2] / "configs/semantic_segmentation/PP-LiteSeg-T.yaml"
    assert options.wanted_runtime(load_config(path, overrides).config.Predict) == runtime


def test_auto_replaces_what_a_file_of_paddlex_says(write):
    path = write(MINIMAL + "Predict:\n  kernel_option: {run_mode: paddle}\n")
    assert options.wanted_runtime(load_config(path).config.Predict) == "paddle"
    assert options.wanted_runtime(load_config(path, ["Predict.runtime=auto"]).config.Predict) == "auto"
