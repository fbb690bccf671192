"""What a model's recipe gives is what is shown, written and read back, with its origin."""

from __future__ import annotations

from pathlib import Path

import pytest

from segcli.config.load import from_values, load_config
from segcli.config.recipe import chosen_recipe, with_recipe
from segcli.config.show import as_yaml, used_recipe
from segcli.models.table import MODELS

TRAINED = [name for name, spec in MODELS.items() if spec.recipe is not None]


def configured(model: str, *overrides: str):
    return from_values({"Global.model": model, "Global.mode": "train", "Global.dataset_dir": "d"}, overrides).config


@pytest.mark.parametrize("model", TRAINED)
def test_the_recipe_of_every_model_is_visible(model: str):
    recipe = used_recipe(configured(model))
    for key in ("Train.optimizer", "Train.learning_rate", "Train.lr_scheduler"):
        assert recipe[key]["value"], key
        assert recipe[key]["origin"].startswith(f"recipe of {model}")
    assert chosen_recipe(MODELS[model], configured(model)).learning_rate == recipe["Train.learning_rate"]["value"]


def test_what_the_user_says_wins_and_is_named(tmp_path: Path):
    path = tmp_path / "c.yaml"
    path.write_text("Global: {model: SegFormer-B0, dataset_dir: d}\nTrain:\n  learning_rate: 0.5\n", encoding="utf-8")
    recipe = used_recipe(load_config(path, ["Train.crop_size=[96, 64]"]).config)
    assert recipe["Train.learning_rate"] == {"value": 0.5, "origin": f"{path}:3"}
    assert recipe["Train.crop_size"] == {"value": [96, 64], "origin": "-o"}
    crop = next(one for one in recipe["Train.transforms"]["value"] if "crop_size" in one)
    assert crop["crop_size"] == [96, 64]


def test_transforms_of_the_user_keep_their_crop():
    config = configured("PP-LiteSeg-T", "Train.transforms=[{type: RandomPaddingCrop, crop_size: [64, 32]}]")
    assert config.Train.crop_size is None


def test_what_is_written_is_read_back_with_its_origins(tmp_path: Path):
    path = tmp_path / "config.yaml"
    written = configured("PP-YOLOE_seg-S", "Train.batch_size=3")
    path.write_text(as_yaml(written), encoding="utf-8")
    read = load_config(path).config
    assert read == written
    assert read.origin("Train.optimizer") == written.origin("Train.optimizer")
    assert not read.is_given("Train.optimizer") and read.is_given("Train.batch_size")
    assert with_recipe(read) == read


@pytest.mark.parametrize("model", TRAINED)
def test_what_is_shown_fits_80_columns_and_is_read_back(tmp_path: Path, model: str):
    path = tmp_path / "shown.yaml"
    text = as_yaml(configured(model))
    assert max(map(len, text.splitlines())) <= 80
    path.write_text(text, encoding="utf-8")
    assert load_config(path).config == configured(model)


def test_texts_with_commas_and_quotes_are_broken_at_no_wrong_place(tmp_path: Path):
    texts = ['a, "b", c' * 3, "it's, don't", "[x, y]" * 9, "plain don't", "", "back\\slash, " * 7, "tab\there, " * 8]
    given = configured("SOLOv2").replaced({"Train.network": {"names": texts, "more": {"a, b": texts}}}, "-o")
    path = tmp_path / "shown.yaml"
    path.write_text(as_yaml(given), encoding="utf-8")
    assert load_config(path).config.Train.network == given.Train.network


def test_another_size_or_model_brings_its_own_recipe(tmp_path: Path):
    path = tmp_path / "config.yaml"
    path.write_text(as_yaml(configured("PP-YOLOE_seg-S")), encoding="utf-8")
    smaller = load_config(path, ["Train.input_size=320"]).config
    assert smaller.Train.transforms is not None
    assert {"type": "Resize", "target_size": [320, 320], "keep_ratio": False, "interp": 2} in smaller.Train.transforms
    other = load_config(path, ["Global.model=SOLOv2"]).config
    assert other.Train.optimizer == configured("SOLOv2").Train.optimizer
    assert other.Train.input_size == 800


def test_random_weights_clip_the_gradients_of_instance_models():
    random, trained = configured("MaskRCNN-ResNet50"), configured("MaskRCNN-ResNet50", "Train.pretrain_weight_path=w")
    assert "clip_grad_by_norm" in str(random.Train.optimizer) and "clip_grad_by_norm" not in str(
        trained.Train.optimizer
    )
    assert "random" in random.origin("Train.optimizer")


def test_a_short_training_is_not_all_warm_up():
    assert configured("MaskFormer_tiny", "Train.epochs_iters=200").Train.warmup_steps == 20
    assert configured("MaskFormer_tiny", "Train.epochs_iters=200", "Train.warmup_steps=60").Train.warmup_steps == 60
