from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.config.load import from_values
from segcli.data import rle
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.formats.labelme import read_labelme
from segcli.errors import ConfigError, UsageError, WeightsError
from segcli.models.table import get_spec
from segcli.promptable.backends import PaddleSam
from segcli.steps.check.command import check_dataset
from segcli.steps.predict.command import predict
from segcli.steps.predict.embed import embed
from segcli.steps.predict.model import Model
from segcli.steps.predict.promptable import PromptablePredictor


def config(model: str, weights: Path, images: Path, output: Path, **values: Any) -> Any:
    keys = {"_".join(key.split("_")): value for key, value in values.items()}
    asked = {f"Predict.{'promptable.' if key in _ASKED else ''}{key}": value for key, value in keys.items()}
    given = {
        "Global.model": model,
        "Global.mode": "predict",
        "Global.output": str(output),
        "Predict.model_dir": str(weights),
        "Predict.input": str(images),
        **asked,
    }
    return from_values(given).config


_ASKED = (
    "multimask",
    "everything",
    "background",
    "cache_dir",
    "formats",
    "min_score",
    "min_stability",
    "points_per_side",
)


def read(output: Path, name: str) -> Any:
    return json.loads((output / f"{name}_res.json").read_text(encoding="utf-8"))


def test_paddlex_prompts_give_a_mask_a_box_in_each_image_of_any_size(
    sam_weights: Path, images: Path, tmp_path: Path
) -> None:
    prompts = {"box_prompt": [[10, 20, 60, 70], [5.5, 6, 30, 40]]}

    result = predict(config("SAM-tiny", sam_weights, images, tmp_path, prompts=prompts, batch_size=2))

    assert len(result.predicted) == 2
    values = read(tmp_path, "p1")
    assert values["prompts"] == {"box_prompt": [[10.0, 20.0, 60.0, 70.0], [5.5, 6.0, 30.0, 40.0]]}
    assert [info["label"] for info in values["mask_infos"]] == ["box_prompt"] * 2
    for mask, info in zip(values["masks"], values["mask_infos"], strict=True):
        decoded = rle.decode(mask)
        assert decoded.shape == (160, 80)
        assert int(decoded.sum()) == info["area"]
        assert {"score", "stability", "bbox"} <= set(info)


def test_full_json_holds_paddlexs_arrays(sam_weights: Path, images: Path, tmp_path: Path) -> None:
    asked = {"prompts": {"point_prompt": [[30, 30]]}}
    predict(config("SAM-tiny", sam_weights, images / "p0.png", tmp_path / "a", **asked))
    predict(config("SAM-tiny", sam_weights, images / "p0.png", tmp_path / "b", json_form="full", **asked))

    compact, full = read(tmp_path / "a", "p0"), read(tmp_path / "b", "p0")

    assert np.array_equal(rle.decode(compact["masks"][0]), np.array(full["masks"][0]))


def test_every_bad_prompt_is_named_with_its_image_before_anything_runs(
    sam_weights: Path, images: Path, tmp_path: Path
) -> None:
    prompts = {"box_prompt": [[60, 20, 10, 70]], "point_prompt": [[100, 20]]}

    with pytest.raises(UsageError) as caught:
        predict(config("SAM-tiny", sam_weights, images, tmp_path / "out", prompts=prompts))

    assert "p0.png: box_prompt 1: the box 60,20,10,70 is reversed" in str(caught.value)
    assert "p1.png: point_prompt 1: the point 100,20 is outside the image of 80x160" in str(caught.value)
    assert "p0.png: point_prompt 1" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_prompt_file_asks_each_image_its_own(sam_weights: Path, images: Path, tmp_path: Path) -> None:
    file = tmp_path / "prompts.json"
    objects = [{"box": [1, 2, 30, 40], "label": "dog", "points": [[9, 9, 0]]}]
    file.write_text(json.dumps({"images": [{"image": "p1.png", "objects": objects}]}))

    predict(config("SAM-tiny", sam_weights, images, tmp_path, prompts=str(file)))

    assert read(tmp_path, "p0")["masks"] == []
    info = read(tmp_path, "p1")["mask_infos"][0]
    assert (info["name"], info["points"]) == ("dog", [[9.0, 9.0, 0]])


def test_prompts_for_a_missing_image_are_an_error(sam_weights: Path, images: Path, tmp_path: Path) -> None:
    file = tmp_path / "prompts.json"
    file.write_text(json.dumps({"images": [{"image": "gone.png", "objects": [{"box": [1, 2, 3, 4]}]}]}))

    with pytest.raises(UsageError, match=r"gone\.png: no such image"):
        predict(config("SAM-tiny", sam_weights, images, tmp_path, prompts=str(file)))


def test_labelme_and_coco_hold_the_same_masks(sam_weights: Path, images: Path, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"prompts": {"objects": [{"box": [10, 10, 60, 70], "label": "dog"}]}}
    predict(config("SAM-tiny", sam_weights, images, tmp_path, formats=["labelme", "coco", "png"], **asked))

    coco = json.loads((tmp_path / "coco" / "annotations" / "instance_train.json").read_text())
    assert [image["file_name"] for image in coco["images"]] == ["p0.png", "p1.png"]
    assert (tmp_path / "coco" / "images" / "p0.png").read_bytes() == (images / "p0.png").read_bytes()
    assert [category["name"] for category in coco["categories"]] == ["dog"]
    for number, annotation in enumerate(coco["annotations"]):
        assert annotation["segmentation"] == read(tmp_path, f"p{annotation['image_id'] - 1}")["masks"][0]
        assert annotation["id"] == number + 1
    assert not list(tmp_path.glob("*_coco.json"))
    labelme, findings = read_labelme(tmp_path / "labelme" / "annotations" / "p0.json", "p0")
    assert labelme is not None and not findings
    assert {shape.label for shape in labelme.shapes} == {"dog"}
    assert (tmp_path / "labelme" / "images" / str(labelme.image_path)).is_file()


def test_what_was_found_becomes_a_dataset(sam_weights: Path, images: Path, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"prompts": {"objects": [{"box": [10, 10, 60, 70], "label": "dog"}]}}
    predict(config("SAM-tiny", sam_weights, images, tmp_path, formats=["labelme", "coco"], **asked))
    divided = {"enable": True, "train_percent": 50, "val_percent": 50}
    for kind, convert in (("labelme", True), ("coco", False)):
        keys = {f"CheckDataset.split.{key}": value for key, value in divided.items()}
        if convert:
            keys |= {"CheckDataset.convert.enable": True, "CheckDataset.convert.src_dataset_type": "LabelMe"}
        about = {"Global.model": "SAM-tiny", "Global.mode": "check_dataset", "Global.dataset_dir": str(tmp_path / kind)}
        result = check_dataset(from_values({**about, "Global.output": str(tmp_path / "out"), **keys}).config)

        assert result.valid, [str(found) for found in result.findings]
        dataset = open_instance_dataset(tmp_path / kind)
        assert (len(dataset.train), len(dataset.val)) == (1, 1)
        for sample in (*dataset.train, *dataset.val):
            mask = rle.decode(sample.objects[0].to_rle(sample.height, sample.width))
            expected = rle.decode(read(tmp_path, sample.image.stem)["masks"][0])
            assert np.mean(mask != expected) < 0.01


def test_texts_are_answered_against_the_background(lseg_weights: Path, images: Path, tmp_path: Path) -> None:
    prompts = {"text_prompt": ["bear", "traffic light"]}
    predict(config("LSeg-tiny", lseg_weights, images / "p0.png", tmp_path, prompts=prompts, background="grass"))

    assert [info["prompt"] for info in read(tmp_path, "p0")["mask_infos"]] == ["bear", "traffic light"]


@pytest.mark.parametrize(
    ("model", "prompts", "message"),
    [
        ("SAM-tiny", {"text_prompt": ["bear"]}, "text_prompt 1: SAM-tiny takes boxes and points"),
        ("SAM-tiny", {"box_prompt": []}, "box_prompt: is empty"),
        ("SAM-tiny", None, "needs prompts"),
    ],
)
def test_prompts_that_the_network_cannot_take(
    *, model: str, prompts: Any, message: str, sam_weights: Path, images: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        predict(config(model, sam_weights, images, tmp_path, prompts=prompts))


def test_everything_mode_needs_no_prompts(sam_weights: Path, images: Path, tmp_path: Path) -> None:
    asked = {"everything": True, "min_score": 0, "min_stability": 0, "points_per_side": 2}
    predict(config("SAM-tiny", sam_weights, images / "p0.png", tmp_path, **asked))

    infos = read(tmp_path, "p0")["mask_infos"]
    assert infos and [info["score"] for info in infos] == sorted((info["score"] for info in infos), reverse=True)


def test_embedded_images_are_not_encoded_again(
    sam_weights: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = embed(str(images), "SAM-tiny", sam_weights, tmp_path / "kept")
    again = embed(str(images), "SAM-tiny", sam_weights, tmp_path / "kept")
    assert (first.encoded, again.encoded, again.images) == (2, 0, 2)

    def refuse(*_: Any) -> None:
        raise AssertionError("the encoder ran")

    monkeypatch.setattr(PaddleSam, "encode", refuse)
    asked = {"prompts": {"box_prompt": [[1, 2, 30, 40]]}, "cache_dir": str(tmp_path / "kept")}
    predict(config("SAM-tiny", sam_weights, images, tmp_path / "out", **asked))

    assert len(read(tmp_path / "out", "p0")["masks"]) == 1


@pytest.mark.parametrize("failing", [1, 9])
def test_image_on_which_the_encoder_fails_does_not_end_the_encoding(
    sam_weights: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    encode, asked = PaddleSam.encode, []

    def refuse(network: PaddleSam, image: Any) -> Any:
        asked.append(image)
        if len(asked) <= failing:
            raise RuntimeError("no such kernel")
        return encode(network, image)

    monkeypatch.setattr(PaddleSam, "encode", refuse)
    (images / "p2.png").write_bytes(b"no image")
    command = ["embed", str(images), "--model", "SAM-tiny", "--weights", str(sam_weights)]
    outcome = CliRunner().invoke(main, [*command, "--cache", str(tmp_path / "kept")])

    assert outcome.exit_code == 1
    shown = " ".join(outcome.output.split())
    if failing == 9:
        assert "the model works on none of 2 images, nor on an empty one: RuntimeError: no such kernel" in shown
    else:
        assert "1, 1 of them new" in shown
        assert "p0.png: the model fails on this image of" in shown and "p2.png" in shown
    assert len(list((tmp_path / "kept").glob("*.npy"))) == (failing == 1)


def test_pythons_door_takes_prompts_with_the_image(sam_weights: Path) -> None:
    settings = from_values(
        {"Global.model": "SAM-tiny", "Global.mode": "train", "Global.dataset_dir": "x"}
    ).config.Predict

    predictor = PromptablePredictor.open_weights(get_spec("SAM-tiny"), sam_weights, settings)
    model = Model("SAM-tiny", predictor, settings)
    rgb = np.random.default_rng(0).integers(0, 256, (60, 50, 3), np.uint8)

    (result,) = model.predict(rgb, prompts={"box_prompt": [[1, 2, 30, 40]]})

    assert [mask.dtype for mask in result["masks"]] == [np.int8]
    assert "masks" in result and dict(result)["masks"] is result.get("masks")
    copied = pickle.loads(pickle.dumps(result))
    assert np.array_equal(copied["masks"][0], result["masks"][-1])
    assert np.array(result["masks"]).shape == (1, 60, 50)
    assert result["masks"][0].shape == (60, 50)


def test_missing_weights_say_what_to_give(images: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="neither a weight file nor an exported model"):
        prompts = {"box_prompt": [[1, 2, 30, 40]]}
        predict(config("SAM-B", tmp_path / "gone.pth", images, tmp_path, prompts=prompts))


def test_label_maps_are_prepared_by_the_semantic_commands() -> None:
    values = {"Global.model": "LSeg-tiny", "Global.dataset_dir": "data", "CheckDataset.split.enable": True}
    with pytest.raises(ConfigError, match="split DATASET --task semantic"):
        from_values({**values, "CheckDataset.split.train_percent": 50, "CheckDataset.split.val_percent": 50})


def test_keys_of_other_tasks_are_refused(sam_weights: Path, images: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="target_size"):
        config("SAM-tiny", sam_weights, images, tmp_path, target_size=64)
