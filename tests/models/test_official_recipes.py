"""Where recipes once differed from the authors' and PaddleX's: each line states the official value."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from segcli.config.load import load_config
from segcli.config.schema import Config
from segcli.models.instance.table import SIZED
from segcli.models.spec import TrainRecipe
from segcli.models.table import MODELS, get_spec
from segcli.models.task import Task
from segcli.networks import build_network
from segcli.steps.train.command import warn_of_rate

INSTANCE = [name for name, spec in MODELS.items() if spec.task is Task.INSTANCE and spec.weights]


def recipe(name: str) -> TrainRecipe:
    found = get_spec(name).recipe
    assert found is not None
    return found


def crop(name: str) -> list[int]:
    (found,) = [one["crop_size"] for one in recipe(name).transforms if one["type"] == "RandomPaddingCrop"]
    return list(found)


@pytest.mark.parametrize(("size", "side"), [(0, 512), (1, 1024), (2, 512), (3, 512), (4, 512), (5, 512)])
def test_segformer_b1_is_cropped_to_1024(size: int, side: int):
    assert crop(f"SegFormer-B{size}") == [side, side]


@pytest.mark.parametrize("name", INSTANCE)
def test_rates_and_batches_of_instance_models_are_paddlex_s(name: str, shared):
    """Unless told otherwise; the rate of Mask-RT-DETR-L is twice that of its siblings."""
    theirs = json.loads(Path(shared("refs/paddlex_configs.json")).read_text())["instance_segmentation"][name]["Train"]
    config = load_config(None, [f"Global.model={name}", "Global.dataset_dir=data"]).config
    assert recipe(name).learning_rate == theirs["learning_rate"]
    assert config.Train.batch_size == theirs["batch_size"]


def test_the_average_of_mask_rtdetr_grows_exponentially():
    """`ema_decay_type: exponential`, `ema_decay: 0.9999`; PP-YOLOE_seg has PaddleDetection's default."""
    from segcli.steps.train.average import GROWTHS

    assert {
        (recipe(f"Mask-RT-DETR-{size}").ema_decay, recipe(f"Mask-RT-DETR-{size}").ema_growth) for size in "SMLXH"
    } == {(0.9999, "exponential")}
    assert (recipe("PP-YOLOE_seg-S").ema_decay, recipe("PP-YOLOE_seg-S").ema_growth) == (0.9998, "threshold")
    for step in (0, 1, 500, 20000):  # PaddleDetection counts from 0
        theirs = 0.9999 * (1 - math.exp(-(step + 1) / 2000))
        assert GROWTHS["exponential"](0.9999, step + 1) == pytest.approx(theirs, abs=1e-12)


def test_the_averages_follow_paddledetection_s():
    """The wheel's own ModelEMA, over 60 steps of weights that wander; one parameter is frozen.

    Its `ema_filter_no_grad` fails on a set without `append`, so that the frozen one is looked at apart.
    """
    import paddle
    from paddle import nn

    from segcli.engines.paddledet.importing import import_ppdet
    from segcli.steps.train.average import WeightAverage
    from segcli.steps.train.state import TrainState
    from tests.steps.train.tiny import LineSession

    import_ppdet()
    from ppdet.optimizer.ema import ModelEMA

    session = LineSession()
    network: nn.Layer = session.network
    frozen = network[3].bias
    frozen.stop_gradient = True
    theirs = ModelEMA(network, decay=0.9, ema_decay_type="exponential")
    ours, state = WeightAverage(network, 0.9, "exponential"), TrainState(session)
    rng = np.random.default_rng(0)
    for iteration in range(1, 61):
        for tensor in network.state_dict().values():
            paddle.assign(tensor + paddle.to_tensor(rng.normal(size=tensor.shape).astype("float32")), tensor)
        state.iteration = iteration
        ours.on_step(state)
        theirs.update(network)
    averaged = ours.network.state_dict()
    for name, value in theirs.apply().items():
        if name != "3.bias":
            np.testing.assert_allclose(averaged[name].numpy(), value.numpy(), rtol=1e-4, atol=1e-4, err_msg=name)
    np.testing.assert_array_equal(averaged["3.bias"].numpy(), frozen.numpy(), "what is not trained is not averaged")


def test_ppyoloe_seg_warms_up_for_five_epochs():
    from segcli.engines.paddledet.training import _warmup_steps

    settings = Config.model_validate({"Global": {"model": "PP-YOLOE_seg-S"}, "Train": {"epochs_iters": 80}})
    assert _warmup_steps(settings, recipe("PP-YOLOE_seg-S"), 30) == 150
    assert _warmup_steps(settings, recipe("Mask-RT-DETR-S"), 300) == 2000


def test_resnext_warms_up_from_a_tenth():
    def start(name: str) -> float:
        return float(recipe(name).lr_scheduler["schedulers"][1]["start_factor"])

    assert start("MaskRCNN-ResNeXt101-vd-FPN") == 0.1
    assert start("MaskRCNN-ResNet50-FPN") == 0.001


def test_seaformer_trains_all_parts_at_one_rate_and_its_norms_without_decay():
    groups = recipe("SeaFormer_tiny").optimizer["custom_cfg"]
    assert groups == [
        {"name": "pos_emb", "weight_decay_mult": 0.0},
        {"name": "head", "lr_mult": 10.0},
        {"name": "norm", "weight_decay_mult": 0.0},
    ]
    for name, _ in build_network("SeaFormer_tiny", 3, lazy=True).named_parameters():
        caught = next((group for group in groups if group["name"] in name), {})
        assert "lr_mult" not in caught, name
        assert ("norm" in name) <= (caught.get("weight_decay_mult") == 0.0), name


def test_maskformer_is_measured_with_its_ratio_kept():
    """`ResizeByShort: 512, max_size: 2048`."""
    preprocess = get_spec("MaskFormer_tiny").preprocess
    assert (preprocess.size, preprocess.keep_ratio) == ((512, 2048), True)


def test_solov2_normalises_before_it_resizes():
    assert SIZED["SOLOv2"].preprocess(800).exact
    assert not SIZED["MaskRCNN-ResNet50-FPN"].preprocess(800).exact


def chosen(model: str, *overrides: str) -> Config:
    return load_config(None, [f"Global.model={model}", "Global.dataset_dir=data", *overrides]).config


@pytest.mark.parametrize(
    ("model", "rate", "warned"),
    [
        ("SegFormer-B0", 0.01, "167 times the 6e-05"),
        ("SeaFormer_tiny", 0.01, "40 times the 0.00025"),
        ("PP-LiteSeg-T", 0.0005, "0.05 times the 0.01"),
        ("PP-LiteSeg-T", 0.01, None),
        ("SegFormer-B0", 6e-4, None),
        ("SegFormer-B0", None, None),
    ],
)
def test_a_rate_far_from_the_recipe_s_is_warned_about(model: str, rate: float | None, warned: str | None, caplog):
    warn_of_rate(chosen(model, *([] if rate is None else [f"Train.learning_rate={rate}"])), get_spec(model))
    assert (warned is None) is (not caplog.messages)
    assert warned is None or warned in caplog.text


def test_a_rate_for_another_optimizer_is_not_judged(caplog):
    given = ["Train.learning_rate=0.01", "Train.optimizer={type: SGD}"]
    warn_of_rate(chosen("SegFormer-B0", *given), get_spec("SegFormer-B0"))
    assert not caplog.messages
