from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from segcli import create_pipeline
from segcli.cli.main import main
from segcli.errors import ConfigError, UsageError, WeightsError
from segcli.steps.pipelines.create import get_pipeline_config
from segcli.steps.pipelines.table import PIPELINES
from segcli.steps.predict.by_name import model_source
from tests.promptable_weights import promptable_weights
from tests.trained_instance import MODEL as INSTANCE_MODEL
from tests.trained_instance import trained_instance_run
from tests.trained_model import MODEL, trained_run


def semantic_folder() -> str:
    return str(trained_run() / "run/best_model/inference")


def values(key: str, **section: Any) -> dict[str, Any]:
    return {"SubModules": {key: section}}


@pytest.fixture
def rgb() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)


@pytest.mark.parametrize("name", PIPELINES)
def test_the_yaml_that_is_written_is_read_again(name: str, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(get_pipeline_config(name), encoding="utf-8")

    made = create_pipeline(tmp_path / "p.yaml")

    assert made.name == name
    assert made.settings == create_pipeline(name).settings


def test_target_size_of_the_yaml_counts_and_that_of_the_call_wins(rgb: np.ndarray) -> None:
    section = {"model_name": MODEL, "model_dir": semantic_folder(), "engine": "paddle"}
    free = create_pipeline("semantic_segmentation", values("SemanticSegmentation", **section))
    small = create_pipeline("semantic_segmentation", values("SemanticSegmentation", **section, target_size=32))

    (whole,), (shrunk,), (given,), (back,) = (
        list(free.predict(rgb, device="cpu")),
        list(small.predict(rgb)),
        list(free.predict(rgb, target_size=32)),
        list(small.predict(rgb, target_size=-1)),
    )

    assert not np.array_equal(whole["pred"], shrunk["pred"])
    assert np.array_equal(shrunk["pred"], given["pred"]) and np.array_equal(whole["pred"], back["pred"])


def test_predict_refuses_a_device_that_is_not_the_pipelines_and_a_side_without_pixels(rgb: np.ndarray) -> None:
    made = create_pipeline("semantic_segmentation", model_dir="never opened", device="cpu")
    with pytest.raises(UsageError, match="device is 'gpu:0', but the models are on 'cpu'"):
        made.predict(rgb, device="gpu:0")
    for size in (0, -2, (64, 0)):
        with pytest.raises(ConfigError, match="sides must be at least 1 px"):
            made.predict(rgb, target_size=size)


def test_threshold_of_the_yaml_counts_and_that_of_the_call_wins(rgb: np.ndarray) -> None:
    section = {
        "model_name": INSTANCE_MODEL,
        "model_dir": str(trained_instance_run() / "run/best_model/inference"),
        "engine": "paddle",
    }
    low = create_pipeline("instance_segmentation", values("InstanceSegmentation", **section, threshold=0.0))
    high = create_pipeline("instance_segmentation", values("InstanceSegmentation", **section, threshold=1.0))

    many, few, given = (next(found) for found in (low.predict(rgb), high.predict(rgb), low.predict(rgb, threshold=1.0)))
    assert len(many["boxes"]) > len(few["boxes"])
    assert few["boxes"] == given["boxes"]


def test_every_fault_of_a_yaml_is_named_at_once() -> None:
    section = {"model_name": "PP-LiteSeg-X", "batchsize": 2, "target_size": "big", "module_name": "x"}
    with pytest.raises(ConfigError) as caught:
        create_pipeline(
            "semantic_segmentation",
            {**values("SemanticSegmentation", **section), "Serving": {"return_urls": True}, "piepline": 1},
        )
    text = str(caught.value)
    for part in ("PP-LiteSeg-T", "batchsize", "target_size: is 'big'", "module_name", "return_urls", "piepline"):
        assert part in text


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [("semantic_segmentatoin", "semantic_segmentation"), (None, "no pipeline is named")],
)
def test_a_pipeline_that_is_not_there(pipeline: str | None, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        create_pipeline(pipeline)
    assert message in str(caught.value)


def test_a_model_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="SAM-tiny is a model for"):
        create_pipeline("text_driven_segmentation", values("TextPromptSegmentation", model_name="SAM-tiny"))


def test_the_yaml_of_paddlex_for_prompts_is_taken_as_it_is() -> None:
    keys = ("BoxPromptSegmentation", "PointPromptSegmentation")
    for modules in (("box_prompt_segmentation", "point_prompt_segmentation"), ("open_vocabulary_segmentation",) * 2):
        sections = {
            key: {"module_name": module, "model_name": "SAM-tiny", "model_dir": None, "batch_size": 1}
            for key, module in zip(keys, modules, strict=True)
        }
        create_pipeline(config={"pipeline_name": "open_vocabulary_segmentation", "SubModules": sections})
    with pytest.raises(ConfigError, match="it is box_prompt_segmentation"):
        create_pipeline("open_vocabulary_segmentation", values(keys[0], module_name="point_prompt_segmentation"))


def test_nothing_is_opened_before_it_is_needed_and_one_network_serves_boxes_and_points(rgb: np.ndarray) -> None:
    sam = {"model_name": "SAM-tiny", "model_dir": str(promptable_weights("SAM-tiny"))}
    sections = {"BoxPromptSegmentation": sam, "PointPromptSegmentation": {**sam, "threshold": 1.0}}
    made = create_pipeline("open_vocabulary_segmentation", {"SubModules": sections})
    assert made.models["BoxPromptSegmentation"]._model is None

    (boxes,) = made.predict(rgb, prompt_type="box", prompt=[[5, 5, 40, 40]])
    (points,) = made.predict(rgb, prompt_type="point", prompt=[[20, 20]])
    (clicked,) = made.predict(rgb, prompts={"objects": [{"box": [5, 5, 40, 40], "points": [[9, 9, 0]]}]})

    assert made.models["BoxPromptSegmentation"]() is made.models["PointPromptSegmentation"]()
    assert len(boxes["masks"]) == len(clicked["masks"]) == 1
    assert len(points["masks"]) == 0  # its own threshold


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs prompts"),
        ({"prompt": [[1, 2]], "prompt_type": "circle"}, "prompt_type is 'circle'"),
        ({"prompt": [[1, 2]], "prompt_type": "point", "prompts": {"box_prompt": []}}, "exclude each other"),
        ({"prompt": [[1, 2]], "prompt_type": "point", "targetsize": 3}, "there is no such key"),
    ],
)
def test_prompts_that_cannot_be_used(arguments: dict[str, Any], message: str, rgb: np.ndarray) -> None:
    made = create_pipeline("open_vocabulary_segmentation")
    with pytest.raises((UsageError, ConfigError), match=message):
        made.predict(rgb, **arguments)


def test_texts_have_masks_of_0_and_255(rgb: np.ndarray) -> None:
    made = create_pipeline(
        "text_driven_segmentation",
        values("TextPromptSegmentation", model_name="LSeg-tiny", model_dir=str(promptable_weights("LSeg-tiny"))),
    )
    (result,) = made.predict(rgb, text=["bear", "grass"], background="sky")
    assert [mask.shape for mask in result["masks"]] == [(64, 96)] * 2
    assert set(np.unique(np.array(result["masks"]))) <= {0, 255}


def test_threads_share_a_pipeline(rgb: np.ndarray) -> None:
    sam = {"model_name": "SAM-tiny", "model_dir": str(promptable_weights("SAM-tiny"))}
    made = create_pipeline(
        "open_vocabulary_segmentation", {"SubModules": {"BoxPromptSegmentation": sam, "PointPromptSegmentation": sam}}
    )
    images = [np.roll(rgb, 7 * shift, axis=1) for shift in range(4)]

    def masks(image: np.ndarray) -> np.ndarray:
        (result,) = made.predict(image, prompt_type="box", prompt=[[5, 5, 40, 40]])
        return result["masks"][0]

    alone = [masks(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(masks, images * 3))
    for index, mask in enumerate(together):
        assert np.array_equal(mask, alone[index % 4])


def test_a_folder_is_a_pipeline_of_its_model(rgb: np.ndarray) -> None:
    made = create_pipeline(trained_run() / "run/best_model")
    assert made.name == "semantic_segmentation"
    assert next(made.predict(rgb))["pred"].shape == (1, 64, 96)


def test_a_name_alone_takes_the_official_weights_and_offline_says_what_to_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rgb: np.ndarray
) -> None:
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path))
    with pytest.raises(WeightsError) as caught:
        create_pipeline("semantic_segmentation").predict(rgb)
    assert "SEGCLI_OFFLINE" in str(caught.value) and "give model_dir" in str(caught.value)
    with pytest.raises(UsageError, match="give model_dir"):
        create_pipeline("text_driven_segmentation").predict(rgb, text="bear")


def test_official_weights_are_exported_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from segcli.models.table import get_spec
    from segcli.steps.predict import by_name

    weights = trained_run() / "run/best_model/model.pdparams"
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path))
    monkeypatch.setattr(by_name, "resolve_weights", lambda *_: weights)

    def export(_: Path, folder: Path, __: Any) -> None:
        shutil.copytree(semantic_folder(), folder)

    monkeypatch.setattr(by_name, "export_weights", export)
    first = model_source(get_spec(MODEL), None)
    assert first == model_source(get_spec(MODEL), None) and tmp_path in first.parents


def test_the_command_writes_results_and_names_what_it_left_out(tmp_path: Path) -> None:
    images = tmp_path / "in"
    images.mkdir()
    (images / "bad.jpg").write_bytes(b"no image")
    shutil.copy(next((trained_run() / "data/images").iterdir()), images)
    asked = ["pipeline", "semantic_segmentation", "--model_dir", semantic_folder(), "--input", str(images)]

    done = CliRunner().invoke(main, [*asked, "--save_path", str(tmp_path / "out"), "--target_size", "32,64"])

    assert done.exit_code == 1 and "bad.jpg" in "".join(done.output.split())
    assert len(list((tmp_path / "out").glob("*_res.json"))) == 1


def test_the_command_takes_paddlexs_prompts(tmp_path: Path) -> None:
    weights = str(promptable_weights("SAM-tiny"))
    sam = {"model_name": "SAM-tiny", "model_dir": weights}
    text = {
        "pipeline_name": "open_vocabulary_segmentation",
        "SubModules": dict.fromkeys(("BoxPromptSegmentation", "PointPromptSegmentation"), sam),
    }
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
    image = str(next((trained_run() / "data/images").iterdir()))
    asked = ["pipeline", str(tmp_path / "p.yaml"), "--input", image, "--save_path", str(tmp_path / "out")]

    done = CliRunner().invoke(main, [*asked, "--prompt_type", "point", "--prompt", "[[5.5, 6], [9, 9]]"])

    assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "out").glob("*_res.jpg"))) == 1


def test_the_command_writes_a_config_and_overwrites_none(tmp_path: Path) -> None:
    asked = ["pipeline", "--get_pipeline_config", "instance_segmentation", "--save_path", str(tmp_path)]
    assert CliRunner().invoke(main, asked).exit_code == 0
    assert create_pipeline(tmp_path / "instance_segmentation.yaml").name == "instance_segmentation"
    assert CliRunner().invoke(main, asked).exit_code == 2


def test_a_size_for_a_promptable_model_is_refused() -> None:
    pipeline = create_pipeline("open_vocabulary_segmentation")
    with pytest.raises(ConfigError, match="target_size"):
        pipeline.predict(np.zeros((8, 8, 3), np.uint8), prompt=[[0, 0, 4, 4]], prompt_type="box", target_size=64)
