"""Our loop against PaddleSeg's own train(): same seed, same losses."""

from __future__ import annotations

import importlib

import cv2
import numpy as np
import paddle
import pytest

from segcli.config.load import from_values
from segcli.config.schema import Config, EvaluateConfig, GlobalConfig, TrainConfig
from segcli.data.sampling import SampleOrder, seed_augmentation
from segcli.engine import Evaluation
from segcli.engines.paddleseg.engine import PaddleSegEngine
from segcli.engines.paddleseg.parts import build_losses, build_optimizer, build_schedule, build_transforms
from segcli.errors import DatasetError
from segcli.models.semantic.recipes import HALF, normalize
from segcli.models.table import get_spec
from segcli.steps.train.loop import run
from segcli.steps.train.precision import FullPrecision
from segcli.steps.train.state import Callback, TrainState
from segcli.tasks import engine_of
from tests.images import make_seg_dataset

ITERATIONS = 10


class Record(Callback):
    def __init__(self):
        self.losses = []

    def on_step(self, state):
        self.losses.append(state.losses["loss"])


@pytest.fixture
def dataset(tmp_path):
    return make_seg_dataset(tmp_path / "data", train=7)


def configure(dataset, model="PP-LiteSeg-T", **train):
    settings = {"epochs_iters": ITERATIONS, "crop_size": (64, 64), "eval_interval": 100, "learning_rate": 0.01, **train}
    return Config(
        Global=GlobalConfig(model=model, dataset_dir=str(dataset)),
        Train=TrainConfig(**settings),
        Evaluate=EvaluateConfig(),
    )


def our_losses(config):
    session = PaddleSegEngine().open_training(get_spec(config.Global.model), config)
    session.evaluate = lambda network: Evaluation(0.0, {})
    record = Record()
    run(TrainState(session), FullPrecision(), [record])
    return record.losses


def paddleseg_losses(dataset, config, save_dir, monkeypatch):
    """PaddleSeg's own dataset, sampler and train(), with the augmentation of each sample seeded as ours is."""
    spec = get_spec(config.Global.model)
    engine = PaddleSegEngine()
    paddle.seed(config.Global.seed)
    network = engine.build_network(spec, 3)
    order = SampleOrder(samples=7, batch_size=2)
    from paddleseg.datasets import Dataset

    class Seeded(Dataset):
        position = 0

        def __getitem__(self, index):
            seed_augmentation(order.seed_of(self.position))
            type(self).position += 1
            return super().__getitem__(index)

    transforms = build_transforms(config.Train.transforms, num_classes=3, crop_size=(64, 64))
    theirs = Seeded("train", str(dataset), transforms, 3, train_path=str(dataset / "train.txt"))
    module = importlib.import_module("paddleseg.core.train")
    losses = []
    original = module.loss_computation

    def recorded(*args, **kwargs):
        parts = original(*args, **kwargs)
        losses.append(float(sum(parts)))
        return parts

    monkeypatch.setattr(module, "loss_computation", recorded)
    monkeypatch.setattr(paddle, "flops", lambda *args, **kwargs: 0)
    schedule = build_schedule(spec.recipe.lr_scheduler, learning_rate=0.01, warmup_steps=0, iterations=ITERATIONS)
    module.train(
        network,
        theirs,
        optimizer=build_optimizer(spec.recipe.optimizer, network, schedule),
        save_dir=str(save_dir),
        iters=ITERATIONS,
        batch_size=2,
        losses=build_losses(spec.recipe.loss, num_classes=3, ignore_index=255, class_weights=None),
        log_iters=1000,
    )
    return losses


def test_our_losses_are_paddlesegs(dataset, tmp_path, monkeypatch):
    """With transforms that ours make to the last bit; scale, crop and colours are compared in `test_fast_stream`."""
    config = configure(dataset, transforms=({"type": "RandomHorizontalFlip"}, normalize(HALF)))
    ours = our_losses(config)
    theirs = paddleseg_losses(dataset, config, tmp_path / "theirs", monkeypatch)
    assert len(ours) == ITERATIONS
    np.testing.assert_array_equal(ours, theirs)
    assert len(set(ours)) == ITERATIONS


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_static_graph_learns_the_same(dataset, monkeypatch):
    # a graph has Paddle's operators, which round otherwise
    monkeypatch.setattr("segcli.models.operators.is_ours", lambda *_tensors: False)
    monkeypatch.setattr("segcli.models.operators.convolution.DirectConv2D._made", lambda *_arguments: None)
    config = configure(dataset, dy2st=True)
    session = PaddleSegEngine().open_training(get_spec(config.Global.model), config)
    assert session.forward is not session.network
    assert not any(
        type(layer).__module__.startswith("segcli.models.operators") for layer in session.network.sublayers()
    )
    plain, static = (our_losses(configure(dataset, epochs_iters=3, dy2st=dy2st)) for dy2st in (False, True))
    np.testing.assert_allclose(static, plain, rtol=1e-5)


def test_the_crop_size_reaches_every_cropping_transform():
    recipes = [{"type": "RandomPaddingCrop"}, {"type": "RandomHorizontalFlip"}]
    crop, _ = build_transforms(recipes, num_classes=3, crop_size=(96, 64))
    assert crop.crop_size == (64, 96)  # PaddleSeg keeps height, width


def test_a_batch_without_labels_gives_gradients_of_zero(dataset):
    """Its loss is a constant in MaskFormer, at which other processes would wait for ever."""
    config = configure(dataset, model="MaskFormer_tiny")
    session = PaddleSegEngine().open_training(get_spec(config.Global.model), config)
    for path in (dataset / "annotations").glob("train_*.png"):
        cv2.imwrite(str(path), np.full((64, 64), 255, np.uint8))
    loss = session.losses(next(session.batches(0)))["loss"]
    loss.backward()
    trained = [parameter for parameter in session.network.parameters() if not parameter.stop_gradient]
    assert float(loss) == 0
    assert all(float(parameter.grad.abs().max()) == 0 for parameter in trained)


def test_a_broken_mask_is_a_fault_of_the_dataset(dataset):
    (dataset / "annotations" / "train_0.png").write_bytes(b"no image")
    cv2.imwrite(str(dataset / "annotations" / "train_1.png"), np.zeros((9, 9), np.uint8))
    session = PaddleSegEngine().open_training(get_spec("PP-LiteSeg-T"), configure(dataset))
    told = {"train_0.png": "is no image", "train_1.png": "mask is 9 x 9, image 64 x 64"}
    for position in range(6):
        name = session.stream.path_of(position).rpartition("/")[2]
        if name in told:
            with pytest.raises(DatasetError, match=told.pop(name)):
                session.stream[position]
    assert not told


def test_a_part_without_a_labelled_pixel_is_refused(tmp_path):
    root = make_seg_dataset(tmp_path / "data", train=2, val=2)
    for path in (root / "annotations").glob("val_*.png"):
        cv2.imwrite(str(path), np.full((64, 64), 255, np.uint8))
    given = {"Global.model": "UNet-S", "Global.dataset_dir": str(root), "Train.plan": "off"}
    spec = get_spec("UNet-S")
    with pytest.raises(DatasetError, match="every pixel of its masks is 255") as fault:
        engine_of(spec.task).open_training(spec, from_values(given).config)
    assert fault.value.findings[0].code == "S410" and "val.txt" in str(fault.value)
