"""Our loop against PaddleDetection's own Trainer.train(), and what a training keeps when it is killed."""

from __future__ import annotations

import logging

import numpy as np
import paddle
import pytest

from segcli.data.sampling import SampleOrder, seed_augmentation
from segcli.engine import Evaluation
from segcli.engines.paddledet import training as training_module
from segcli.engines.paddledet.engine import PaddleDetEngine
from segcli.engines.paddledet.patches import apply_patches
from segcli.engines.paddledet.workspace import workspace
from segcli.errors import ConfigError
from segcli.findings import Severity
from segcli.models.instance import training
from segcli.models.instance.recipes import FROM_SCRATCH, instance_recipe, merge
from segcli.models.table import get_spec
from segcli.models.task import Task
from segcli.steps.check.command import check_dataset
from segcli.steps.train import loop
from segcli.steps.train.command import train, warn_of_class_count
from segcli.steps.train.loop import run
from segcli.steps.train.precision import FullPrecision
from segcli.steps.train.state import Callback, TrainState
from segcli.weights.files import read_weights
from tests.coco_folder import make_coco_folder
from tests.engines.paddledet.tiny import SMALL
from tests.instance_run import configure, make_rectangles
from tests.paddles_operators import paddles_operators

MODEL = "MaskRCNN-ResNet50-FPN"
SIZE = 64
IMAGES = 3
ITERATIONS = 6


class Record(Callback):
    def __init__(self):
        self.losses = []

    def on_step(self, state):
        self.losses.append(state.losses["loss"])


@pytest.fixture
def small(monkeypatch):
    """Networks with few and narrow layers."""
    overrides = merge(FROM_SCRATCH, SMALL)
    monkeypatch.setattr(training_module, "FROM_SCRATCH", overrides)
    return overrides


def our_losses(config):
    session = PaddleDetEngine().open_training(get_spec(MODEL), config)
    session.measure = lambda network, most: Evaluation(0.0, {})
    record = Record()
    run(TrainState(session), FullPrecision(), [record])
    return record.losses


def ppdet_config(dataset, save_dir, overrides):
    """The same training in PaddleDetection's own words."""
    recipe = training.rcnn_recipe(SIZE)
    decay, warmup = recipe.lr_scheduler["schedulers"]
    as_theirs = [{kind["type"]: {key: kind[key] for key in kind if key != "type"}} for kind in recipe.transforms]
    return {
        **instance_recipe(MODEL, 2, SIZE, overrides=overrides),
        "metric": "COCO",
        "epoch": ITERATIONS // IMAGES,
        "log_iter": 100,
        "snapshot_epoch": 100,
        "save_dir": str(save_dir),
        "filename": "theirs",
        "use_gpu": False,
        "worker_num": 0,
        "TrainDataset": {
            "name": "COCODataSet",
            "image_dir": "images",
            "anno_path": "annotations/instance_train.json",
            "dataset_dir": str(dataset),
            "data_fields": ["image", "gt_bbox", "gt_class", "gt_poly", "is_crowd"],
        },
        "TrainReader": {
            "sample_transforms": [{"Decode": {}}, *as_theirs],
            "batch_transforms": [{"PadBatch": {"pad_to_stride": 32}}],
            "batch_size": 1,
            "shuffle": True,
            "drop_last": True,
            "collate_batch": False,
        },
        "TestReader": {"sample_transforms": []},
        "LearningRate": {
            "base_lr": 0.01,
            "schedulers": [
                {"name": "PiecewiseDecay", "gamma": decay["gamma"], "milestones": [1, 2]},
                {"name": "LinearWarmup", "start_factor": warmup["start_factor"], "steps": 1},
            ],
        },
        "OptimizerBuilder": {**recipe.optimizer, "clip_grad_by_norm": Task.INSTANCE.facts.scratch_clip},
    }


def their_losses(dataset, save_dir, overrides, monkeypatch):
    """Trainer.train() itself, with the augmentation of each sample and the network of each iteration seeded as ours."""
    from ppdet.data.source.coco import COCODataSet
    from ppdet.engine import Trainer

    order = SampleOrder(samples=IMAGES, batch_size=1)
    counted = {"position": 0, "iteration": 0}
    plain_item = COCODataSet.__getitem__

    def seeded_item(self, index):
        seed_augmentation(order.seed_of(counted["position"]))
        counted["position"] += 1
        return plain_item(self, index)

    monkeypatch.setattr(COCODataSet, "__getitem__", seeded_item)
    losses = []
    config = ppdet_config(dataset, save_dir, overrides)
    with workspace(config) as _, paddle.utils.unique_name.guard():
        apply_patches()
        from ppdet.core.workspace import global_config

        paddle.seed(0)
        trainer = Trainer(global_config, mode="train")
        plain_forward = trainer.model.forward

        def recorded(inputs):
            loop._seed_network(0, counted["iteration"])
            counted["iteration"] += 1
            outputs = plain_forward(inputs)
            losses.append(float(outputs["loss"]))
            return outputs

        monkeypatch.setattr(trainer.model, "forward", recorded)
        trainer.train(validate=False)
    return losses


def test_our_losses_are_paddledetections(tmp_path, small, monkeypatch):
    dataset = make_rectangles(tmp_path / "data", train=IMAGES, val=1)
    settings = {"epochs_iters": ITERATIONS // IMAGES, "batch_size": 1, "warmup_steps": 1}
    with paddles_operators():  # those for a CPU differ by rounding
        ours = our_losses(configure(MODEL, dataset, tmp_path / "run", size=SIZE, Train=settings))
        theirs = their_losses(dataset, tmp_path / "theirs", small, monkeypatch)
    assert len(ours) == ITERATIONS
    np.testing.assert_array_equal(ours, theirs)
    assert len(set(ours)) == ITERATIONS


class KilledError(Exception):
    pass


@pytest.mark.parametrize("model", [MODEL, pytest.param("PP-YOLOE_seg-S", marks=pytest.mark.slow)])
def test_killed_and_resumed_equals_uninterrupted(tmp_path, small, monkeypatch, model):
    dataset = make_rectangles(tmp_path / "data", train=2, val=1)
    size = SIZE if model == MODEL else 32
    settings = {"epochs_iters": 2, "batch_size": 1, "log_interval": 1}
    train(configure(model, dataset, tmp_path / "whole", size=size, Train=settings))

    parts = tmp_path / "parts"
    monkeypatch.setattr(training_module, "_measure", fail_at(2, training_module._measure))
    with pytest.raises(KilledError):
        train(configure(model, dataset, parts, size=size, Train=settings))
    monkeypatch.undo()
    monkeypatch.setattr(training_module, "FROM_SCRATCH", small)
    resumed = train(configure(model, dataset, parts, size=size, Train={**settings, "resume_path": "last"}))

    assert resumed.iterations == 4
    names = {"best_model.pdparams", *(["ema.pdparams"] if model != MODEL else [])}
    for name in names:
        ours, theirs = (read_weights(tmp_path / run_ / "iter_4" / name) for run_ in ("parts", "whole"))
        assert ours.keys() == theirs.keys()
        for key in ours:
            np.testing.assert_array_equal(ours[key], theirs[key], err_msg=key)


def fail_at(evaluation, plain):
    """The evaluation of that number (from 1) kills the training."""
    done = []

    def measured(*args, **kwargs):
        done.append(1)
        if len(done) == evaluation:
            raise KilledError
        return plain(*args, **kwargs)

    return measured


def test_images_without_objects_and_crowds_are_left_out_and_said(tmp_path, small, caplog):
    folder = make_coco_folder(tmp_path / "data", train=3, val=1)
    content = folder.parts["train"]
    content["annotations"] = [entry for entry in content["annotations"] if entry["image_id"] != 1]
    content["annotations"][0]["iscrowd"] = 1
    folder.write()
    with caplog.at_level(logging.INFO, "segcli.train"):
        session = PaddleDetEngine().open_training(get_spec(MODEL), configure(MODEL, tmp_path / "data", tmp_path))
    assert session.iterations_per_epoch == 1
    assert "1 of 3 training images have no object" in caplog.text
    assert "1 crowd regions are left out" in caplog.text
    batch = next(session.batches(0))
    assert sum(len(boxes) for boxes in batch.tensors["gt_bbox"]) == 3


def test_a_rate_for_more_images_is_scaled_on_request(tmp_path, small, caplog):
    dataset = make_rectangles(tmp_path / "data", train=2, val=1)
    rates = []
    for scaled in (False, True):
        settings = {"scale_learning_rate": scaled, "warmup_steps": 0}
        with caplog.at_level(logging.INFO, "segcli.train"):
            config = configure(MODEL, dataset, tmp_path, Train=settings)
            rates.append(training_module._learning_rate(config, training.rcnn_recipe(), SampleOrder(2, 2)))
    assert rates == [0.01, pytest.approx(0.0025)]
    assert "Train.scale_learning_rate=True would use 0.0025" in caplog.text


def test_training_takes_the_categories_whatever_num_classes_says_as_check_does(tmp_path, small, caplog):
    dataset = make_rectangles(tmp_path / "data", train=2, val=1)
    config = configure(MODEL, dataset, tmp_path, Train={"num_classes": 3})
    severities = {found.code: found.severity for found in check_dataset(config).findings}
    assert severities["C147"] is Severity.WARNING
    session = PaddleDetEngine().open_training(get_spec(MODEL), config)
    with caplog.at_level(logging.WARNING, "segcli.train"):
        warn_of_class_count(session, get_spec(MODEL), config)
    assert len(session.classes) == 2
    assert "Train.num_classes=3 is not used: the dataset has 2 classes" in caplog.text


def test_what_cannot_be_trained_is_refused(tmp_path, small):
    dataset = make_rectangles(tmp_path / "data", train=2, val=1)
    with pytest.raises(ConfigError, match="multiple of 32"):
        PaddleDetEngine().open_training(
            get_spec("PP-YOLOE_seg-S"), configure("PP-YOLOE_seg-S", dataset, tmp_path, size=100)
        )
