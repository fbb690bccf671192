"""The Python samples of PaddleX's tutorials, with only the import changed (and the model's folder, which is ours)."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image

from segcli.steps.pipelines.create import get_pipeline_config
from tests.promptable_weights import promptable_weights
from tests.trained_instance import MODEL as INSTANCE_MODEL
from tests.trained_instance import trained_instance_run
from tests.trained_model import trained_run


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with an image and, per pipeline, PaddleX's YAML whose model_dir names ours."""
    noise = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "demo.png"), cv2.resize(noise, (80, 60)))
    semantic = trained_run() / "run/best_model/inference"
    sam = promptable_weights("SAM-tiny")
    (tmp_path / "semantic_segmentation.yaml").write_text(
        f"""
pipeline_name: semantic_segmentation

SubModules:
  SemanticSegmentation:
    module_name: semantic_segmentation
    model_name: PP-LiteSeg-T
    model_dir: {semantic}
    batch_size: 1
    target_size: None
""",
        encoding="utf-8",
    )
    (tmp_path / "open_vocabulary_segmentation.yaml").write_text(
        f"""
pipeline_name: open_vocabulary_segmentation

SubModules:
  BoxPromptSegmentation:
    module_name: open_vocabulary_segmentation
    model_name: SAM-tiny
    model_dir: {sam}
    batch_size: 1
  PointPromptSegmentation:
    module_name: open_vocabulary_segmentation
    model_name: SAM-tiny
    model_dir: {sam}
    batch_size: 1
""",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_semantic_segmentation(place: Path) -> None:
    from segcli import create_pipeline

    pipeline = create_pipeline(pipeline="./semantic_segmentation.yaml")

    output = pipeline.predict(input="demo.png", target_size=-1)
    for res in output:
        res.print()
        res.save_to_img(save_path="./output/")
        res.save_to_json(save_path="./output/")

    with Image.open(place / "output/demo_res.png") as image:
        assert image.size == (80, 60)
    saved = json.loads((place / "output/demo_res.json").read_text(encoding="utf-8"))
    assert np.array(saved["pred"]).shape == (1, 60, 80)


def test_the_module_of_semantic_segmentation(place: Path) -> None:
    from segcli import create_model

    model = create_model(model_name="PP-LiteSeg-T", model_dir=trained_run() / "run/best_model")
    output = model.predict(input="demo.png", batch_size=1)
    for res in output:
        res.print(json_format=False)
        res.save_to_img(save_path="./output/")
        res.save_to_json(save_path="./output/res.json")

    saved = json.loads((place / "output/res.json").read_text(encoding="utf-8"))
    assert np.array(saved["pred"]).shape == (1, 60, 80)


def test_instance_segmentation(place: Path) -> None:
    from segcli import create_pipeline

    folder = trained_instance_run() / "run/best_model/inference"
    values = yaml.safe_load(get_pipeline_config("instance_segmentation"))
    values["SubModules"]["InstanceSegmentation"] |= {"model_name": INSTANCE_MODEL, "model_dir": str(folder)}
    (place / "instance_segmentation.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")

    pipeline = create_pipeline(pipeline="./instance_segmentation.yaml")
    output = pipeline.predict(input="demo.png", threshold=0.02)
    for res in output:
        res.print()
        res.save_to_img(save_path="./output/")
        res.save_to_json(save_path="./output/")

    saved = json.loads((place / "output/demo_res.json").read_text(encoding="utf-8"))
    assert saved["boxes"] and len(saved["masks"]) == len(saved["boxes"])
    assert set(saved["boxes"][0]) >= {"cls_id", "label", "score", "coordinate"}
    (drawn,) = (place / "output").glob("demo_res.[jp]*g")
    with Image.open(drawn) as image:
        assert image.width >= 80 and image.height >= 60, "with a legend"


def test_open_vocabulary_segmentation(place: Path) -> None:
    from segcli import create_pipeline

    pipeline = create_pipeline(pipeline="./open_vocabulary_segmentation.yaml")
    output = pipeline.predict(
        input="demo.png", prompt_type="box", prompt=[[11.9, 8.4, 51.8, 38.1], [4.6, 26.6, 19.2, 33.6]]
    )
    for res in output:
        res.print()
        res.save_to_img("./output/")
        res.save_to_json("./output/")

    saved = json.loads((place / "output/demo_res.json").read_text(encoding="utf-8"))
    assert np.array(saved["masks"]).shape == (2, 60, 80)
    assert [info["label"] for info in saved["mask_infos"]] == ["box_prompt"] * 2


def test_the_module_of_open_vocabulary_segmentation(place: Path) -> None:
    from segcli import create_model

    model = create_model(model_name="SAM-tiny", model_dir=promptable_weights("SAM-tiny"))
    output = model.predict(input="demo.png", batch_size=1, prompts={"box_prompt": [[11.9, 8.4, 51.8, 38.1]]})
    for res in output:
        res.print()
        res.save_to_img(save_path="./output/")
        res.save_to_json(save_path="./output/res.json")

    assert (place / "output/demo_res.jpg").is_file() and (place / "output/res.json").is_file()


def test_text_driven_segmentation_as_modelscope_calls_it(place: Path) -> None:
    from segcli import create_pipeline

    pipeline = create_pipeline(
        "text_driven_segmentation",
        config={
            "SubModules": {
                "TextPromptSegmentation": {"model_name": "LSeg-tiny", "model_dir": str(promptable_weights("LSeg-tiny"))}
            }
        },
    )
    result = pipeline({"image": "demo.png", "text": "bear"})

    assert result["masks"].shape == (60, 80) and result["masks"].dtype == np.uint8
    assert set(np.unique(result["masks"])) <= {0, 255}
