"""Keys without a meaning: refused, or named in one warning where they are PaddleX's own at their stock value."""

from __future__ import annotations

import pytest

from segcli.config.keys import leaves, meanings
from segcli.config.load import load_config
from segcli.config.schema.meaning import MODES
from segcli.errors import ConfigError
from segcli.models.names import MODEL_TASKS

KINDS = ("PP-LiteSeg-T", "Mask-RT-DETR-S", "SAM-tiny", "LSeg-tiny")


def load(model: str, *overrides: str, mode: str = "predict"):
    given = {"Global.model": model, "Global.mode": mode, "Global.dataset_dir": "d", "Predict.input": "x.jpg"}
    return load_config(None, overrides, {key: ("option", value) for key, value in given.items()})


def faults(model: str, *overrides: str, mode: str = "predict") -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(model, *overrides, mode=mode)
    return [fault.key for fault in raised.value.faults]


def test_every_key_declares_what_reads_it():
    assert set(meanings()) == set(leaves())
    for key, meaning in meanings().items():
        assert set().union(*(use.modes for use in meaning.reads)) <= set(MODES), key
        if meaning.stock is None:
            assert any(meaning.modes(model, task) for model, task in MODEL_TASKS.items()), f"{key} is read by nothing"


def test_the_size_of_an_export_does_not_pass_for_that_of_the_training_of_objects():
    """The training would take another size than its export, whose scores would be lower without a word."""
    for mode in ("train", "export"):
        assert faults("SeedUNet-S", "Train.input_shape=[1,3,96,96]", mode=mode) == ["Train.input_shape"]
    load("SeedUNet-S", "Export.input_shape=[1,3,96,96]", mode="export")


def test_the_file_of_an_earlier_training_serves_the_steps_after_it(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("Global: {model: SeedUNet-S}\nTrain: {input_shape: [1, 3, 96, 96]}\n", encoding="utf-8")

    def loaded(mode: str, *overrides: str):
        given = {"Global.mode": mode, "Global.dataset_dir": "d", "Predict.input": "x.jpg"}
        return load_config(path, overrides, {key: ("option", value) for key, value in given.items()})

    for after in (("evaluate",), ("export",), ("predict",), ("train", "Train.resume_path=last")):
        assert f"Train.input_shape ({path}:2)" in str(loaded(*after).unread)
    with pytest.raises(ConfigError, match=r"Train\.input_size is the size of the training"):
        loaded("train")


@pytest.mark.parametrize("model", ["PP-LiteSeg-T", "Mask-RT-DETR-S"])
@pytest.mark.parametrize(
    "override",
    [
        "Predict.promptable.formats=[coco]",
        "Predict.promptable.formats=[overlay]",  # the default, but on purpose
        "Predict.promptable.everything=true",
        "Predict.promptable.multimask=all",
        "Predict.promptable.background=sky",
        "Predict.promptable.cache_dir=kept",
        "Train.promptable.flip=false",
    ],
)
def test_keys_of_promptable_models_are_refused_elsewhere(model: str, override: str):
    assert faults(model, override) == [override.partition("=")[0]]


def test_sam_and_lseg_have_keys_of_their_own():
    assert faults("LSeg-tiny", "Train.promptable.box_share=0.2", mode="train") == ["Train.promptable.box_share"]
    assert faults("SAM-tiny", "Predict.promptable.background=sky") == ["Predict.promptable.background"]
    assert load("SAM-tiny", "Train.promptable.box_share=0.2", mode="train")
    assert load("LSeg-tiny", "Predict.promptable.background=sky")


def test_a_section_without_a_meaning_is_one_fault():
    window = "Evaluate.sliding_window={crop_size: [8, 8], stride: [4, 4]}"
    assert faults("SAM-tiny", window, mode="evaluate") == ["Evaluate.sliding_window"]


def test_a_stock_key_without_a_meaning_passes_at_its_stock_value_with_one_warning():
    loaded = load("SAM-tiny", "Train.uniform_output_enabled=true", "Evaluate.log_interval=10", mode="train")
    assert loaded.unread is not None and "\n" not in loaded.unread
    assert "Train.uniform_output_enabled (-o)" in loaded.unread
    assert "Evaluate.log_interval (-o; evaluate reads it)" in loaded.unread
    assert faults("SAM-tiny", "Train.dy2st=true", mode="train") == ["Train.dy2st"]


def test_a_file_serves_all_modes(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("Global: {model: PP-LiteSeg-T, dataset_dir: d}\nTrain: {batch_size: 4}\n", encoding="utf-8")
    assert load_config(path).unread is None
    assert "Train.batch_size (-o; train reads it)" in str(load_config(path, ["Train.batch_size=5"]).unread)


@pytest.mark.parametrize("model", KINDS)
def test_the_defaults_of_every_key_are_accepted_from_a_file(model: str, tmp_path):
    from segcli.config.show import show

    path = tmp_path / "config.yaml"
    path.write_text(show(load(model)), encoding="utf-8")
    assert load_config(path).unread is None
