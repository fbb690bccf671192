"""Several processes that train one network."""

from __future__ import annotations

import logging
import os
import re
from functools import partial

import cv2
import numpy as np
import pytest

from segcli.data.files import write_json_atomic
from segcli.data.sampling import Draws
from segcli.engines.paddleseg.engine import PaddleSegEngine
from segcli.errors import DatasetError
from segcli.models.table import get_spec
from segcli.steps.train import launch, worker
from segcli.steps.train.command import train
from segcli.steps.train.history import read_history
from segcli.steps.train.result import TrainResult
from segcli.weights.files import read_weights
from tests.images import make_seg_dataset
from tests.trained_model import make_config

MODEL = "PP-LiteSeg-T"
ITERATIONS = 3
SETTINGS = {
    "epochs_iters": ITERATIONS,
    "batch_size": 2,
    "crop_size": (64, 64),
    "eval_interval": ITERATIONS,
    "log_interval": 1,
    "export_best": False,
}


def alternating(config, processes):
    """What the processes compute, in this one: a forward and backward pass on each one's batch, then one step.

    Returns:
        The losses of the first process, and the parameters that are trained.
    """
    import paddle

    session = PaddleSegEngine().open_training(get_spec(MODEL), config)
    parts = [
        Draws(len(session.dataset.train), SETTINGS["batch_size"], rank=rank, world_size=processes)
        for rank in range(processes)
    ]
    session.network.train()
    losses = []
    for iteration in range(ITERATIONS):
        for rank, session.draws in enumerate(parts):
            session.stream._draws = session.draws
            loss = session.losses(next(session.batches(iteration)))["loss"]
            (loss / processes).backward()
            if rank == 0:
                losses.append(float(loss))
        session.optimizer.step()
        session.optimizer._learning_rate.step()
        session.optimizer.clear_grad()
    with paddle.no_grad():
        trained = {name: tensor.numpy() for name, tensor in session.network.state_dict().items()}
    return losses, {name: array for name, array in trained.items() if not name.endswith(("_mean", "_variance"))}


def assert_equal_weights(output):
    """The two processes of a training say that their networks are the same at the end."""
    logs = sorted((output / "processes").glob("workerlog.*"))
    digests = [re.findall(r"the weights of this process are (\w+)", path.read_text()) for path in logs]
    assert len(digests) == 2
    assert digests[0] == digests[1]
    assert len(digests[0]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("model", ["MaskFormer_tiny", "OCRNet_HRNet-W18", "Deeplabv3-R50", "SeaFormer_tiny"])
def test_networks_of_every_kind_train_in_two_processes(model, tmp_path, monkeypatch):
    """Those with dropout, several heads, and, in MaskFormer, a batch of one process without a labelled pixel."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    dataset = make_seg_dataset(tmp_path / "data", train=4)
    for number in Draws(4, 1, rank=1, world_size=2).batch(0):
        sample = Draws(4, 1, rank=1, world_size=2).sample(number)
        cv2.imwrite(str(dataset / f"annotations/train_{sample}.png"), np.full((64, 64), 255, np.uint8))
    settings = {**SETTINGS, "epochs_iters": 2, "eval_interval": 2, "batch_size": 1, "input_shape": (1, 3, 64, 64)}
    if model != "MaskFormer_tiny":  # batch normalisation needs more than one value a channel
        settings["batch_size"] = 2
    result = train(make_config(tmp_path / "output", dataset, model=model, Train={**settings, "cpu_processes": 2}))
    assert result.iterations == 2
    assert_equal_weights(tmp_path / "output")


@pytest.mark.slow
def test_two_processes_are_one_step_on_the_mean_of_their_gradients(tmp_path, caplog, monkeypatch):
    """PP-LiteSeg-T, two processes on the CPU: each normalises its own batch (BatchNorm) and sees images of its own.

    Compared with one process that adds the gradients of the same two batches: first process's losses and all weights.
    """
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    dataset = make_seg_dataset(tmp_path / "data", train=8)
    output = tmp_path / "output"
    with caplog.at_level(logging.INFO, "segcli.train"):
        result = train(make_config(output, dataset, Train={**SETTINGS, "cpu_processes": 2}))

    assert result.iterations == ITERATIONS
    assert result.best_score == read_history(output / "history.jsonl")[-1]["score"]
    assert "iteration 3/3" in caplog.text

    assert_equal_weights(output)

    losses, weights = alternating(make_config(tmp_path / "one", dataset, Train=SETTINGS), processes=2)
    ours = [event["loss"] for event in read_history(output / "history.jsonl") if event["event"] == "train"]
    np.testing.assert_allclose(ours, losses, rtol=1e-5)
    read = read_weights(output / f"iter_{ITERATIONS}" / "model.pdparams")
    for name, array in weights.items():
        np.testing.assert_allclose(read[name], array, rtol=1e-4, atol=1e-6, err_msg=name)

    leaked = [path for path in (output / "processes").iterdir() if os.environ["PATH"] in path.read_text()]
    assert leaked == []


@pytest.mark.slow
def test_the_fault_of_a_process_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    dataset = make_seg_dataset(tmp_path / "data", train=4)
    (dataset / "annotations" / "train_1.png").unlink()
    with pytest.raises(DatasetError, match=r"train_1\.png") as told:
        train(make_config(tmp_path / "output", dataset, Train={**SETTINGS, "cpu_processes": 2}))
    with pytest.raises(DatasetError) as alone:
        train(make_config(tmp_path / "alone", dataset, Train=SETTINGS))
    assert str(told.value) == str(alone.value)
    assert told.value.findings == alone.value.findings
    assert not list((tmp_path / "output").glob(".processes_fault*"))


def test_only_the_lines_of_a_worker_are_told(caplog):
    kept = []
    lines = ["LAUNCH INFO pod\n", "segcli:20:iteration 1/3\n", "segcli:40:broken\n", "segcli:30:slow: yes\n"]
    with caplog.at_level(logging.INFO, "segcli.train"):
        launch._tell(lines, kept.append)
    assert [record.getMessage() for record in caplog.records] == ["iteration 1/3", "slow: yes"]
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
    assert kept == ["LAUNCH INFO pod\n"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"device": "gpu:0,1"}, ["--devices", "0,1"]),
        ({"device": "cpu", "cpu_processes": 3}, ["--nproc_per_node", "3"]),
        ({"device": "gpu", "dist_ips": "10.0.0.1,10.0.0.2"}, ["--ips", "10.0.0.1,10.0.0.2", "--devices", "0"]),
    ],
)
def test_the_launcher_gets_devices_and_machines(settings, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "available_device", lambda device, **_: device)
    train_settings = dict(settings)
    device = train_settings.pop("device")
    config = make_config(tmp_path, Train=train_settings)
    config = config.model_copy(update={"Global": config.Global.model_copy(update={"device": device})})
    assert launch.is_needed(config)
    command = launch._launcher(config, tmp_path)
    assert command[command.index(str(tmp_path)) + 1 :] == expected
    monkeypatch.setenv(launch._IN_WORKER, "1")
    assert not launch.is_needed(config)


def test_every_machine_tells_how_its_training_ended(tmp_path, monkeypatch, request):
    """Of a training on two machines the second one has no first process, and yet its command must end well."""
    root = logging.getLogger("segcli")
    request.addfinalizer(partial(root.setLevel, root.level))
    told = []
    result = TrainResult("PP-LiteSeg-T", ("a",), "c", "l", "h", "p", "mIoU", 0.5, 2, 2, None, {})
    monkeypatch.setattr(worker, "train_here", lambda _config: told.append(1) or result)
    config_file = tmp_path / launch.CONFIG_FILE
    write_json_atomic(config_file, make_config(tmp_path).model_dump(mode="json"))
    monkeypatch.setattr(launch, "rank", lambda: 4)
    for local, there in (("1", False), ("0", True)):
        monkeypatch.setenv("PADDLE_LOCAL_RANK", local)
        assert worker.main(config_file) == 0
        assert (tmp_path / launch.RESULT_FILE).is_file() is there
    assert told == [1, 1]


@pytest.mark.slow
def test_two_processes_resume_bit_for_bit(tmp_path, monkeypatch):
    """SeaFormer has dropout, which each process draws for itself, and batch normalisation over its own images."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    dataset = make_seg_dataset(tmp_path / "data", train=8)
    settings = {**SETTINGS, "epochs_iters": 4, "eval_interval": 2, "keep_checkpoints": 2, "cpu_processes": 2}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(make_config(whole, dataset, model="SeaFormer_tiny", Train=settings))
    settings["resume_path"] = str(whole / "iter_2")
    train(make_config(parts, dataset, model="SeaFormer_tiny", Train=settings))
    ours, theirs = (read_weights(folder / "iter_4" / "model.pdparams") for folder in (parts, whole))
    assert ours.keys() == theirs.keys()
    for name, array in theirs.items():
        np.testing.assert_array_equal(ours[name], array, err_msg=name)
