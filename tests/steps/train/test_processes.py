"""Several processes that train one network."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from segcli.data.files import write_json_atomic
from segcli.data.sampling import SampleOrder
from segcli.engines.paddleseg.engine import PaddleSegEngine
from segcli.errors import DatasetError, TrainingError
from segcli.models.table import get_spec
from segcli.parent import END_WITH_PARENT
from segcli.steps.train import launch, worker
from segcli.steps.train.command import train
from segcli.steps.train.history import read_history
from segcli.steps.train.result import TrainResult
from segcli.steps.train.worker_errors import leave_fault, read_fault
from segcli.weights.files import read_weights
from tests.images import make_seg_dataset
from tests.steps.train.tiny import LineSession
from tests.trained_model import make_config

MODEL = "PP-LiteSeg-T"
ITERATIONS = 3
SHARED_NORMS = {
    "PP-YOLOE_seg-S": True,
    **{f"Mask-RT-DETR-{size}": True for size in "SMLXH"},
    "MaskRCNN-ResNet50-FPN": False,
    "SOLOv2": False,
}
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
        SampleOrder(len(session.dataset.train), SETTINGS["batch_size"], rank=rank, world_size=processes)
        for rank in range(processes)
    ]
    session.network.train()
    losses = []
    for iteration in range(ITERATIONS):
        for rank, session.order in enumerate(parts):
            session.stream._order = session.order
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
    for number in SampleOrder(4, 1, rank=1, world_size=2).batch(0):
        sample = SampleOrder(4, 1, rank=1, world_size=2).sample(number)
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
    # the same kernels in all processes: this one has made products already
    monkeypatch.setenv("MKL_DEBUG_CPU_TYPE", os.environ.get("MKL_DEBUG_CPU_TYPE", ""))
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
        launch._relay(lines, kept.append)
    assert [record.getMessage() for record in caplog.records] == ["iteration 1/3", "slow: yes"]
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
    assert kept == ["LAUNCH INFO pod\n"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"device": "gpu:0,1"}, ["--devices", "0,1"]),
        ({"device": "cpu", "cpu_processes": 3}, ["--nproc_per_node", "3"]),
        (
            {"device": "gpu", "dist_ips": "10.0.0.1,10.0.0.2", "dist_port": 6170},
            ["--ips", "10.0.0.1,10.0.0.2", "--start_port", "6170", "--devices", "0"],
        ),
        (
            {"device": "cpu", "dist_ips": "127.0.0.1", "dist_port": 6170},
            ["--ips", "127.0.0.1", "--start_port", "6170", "--nproc_per_node", "1"],
        ),
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


def test_a_single_machine_takes_ports_that_are_free_and_several_must_be_told(monkeypatch):
    monkeypatch.setattr(launch, "_is_free", lambda port: port not in (6071, 6072))
    assert launch.first_port(None, ["127.0.0.1"], 2) == 6074
    assert launch.first_port(6080, ["a", "b"], 2) == 6080
    with pytest.raises(TrainingError, match=r"(?s)port 6071 .*dist_port"):
        launch.first_port(None, ["a", "b"], 2)


def test_a_port_that_is_listened_on_is_not_free():
    with socket.socket() as other:
        other.bind(("", 0))
        other.listen()
        assert not launch._is_free(other.getsockname()[1])


@pytest.mark.parametrize(("visible", "labels"), [("2,3", ["3"]), ("GPU-aa,GPU-bb", ["GPU-bb"]), (None, ["1"])])
def test_devices_are_named_as_the_launcher_looks_them_up(visible, labels, monkeypatch):
    """Ids are counted within CUDA_VISIBLE_DEVICES; Paddle's launcher wants its entries and counts anew."""
    from paddle.distributed.launch.context.device import Device

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = launch._labels((1,))
    assert found == labels
    if visible is not None:
        assert Device.parse_device().get_selected_devices(",".join(found)) == ["1"]


def test_auto_leaves_the_gpu_alone_where_processes_on_the_cpu_are_wanted(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "available_device", lambda device, **_: {"auto": "gpu:0"}.get(device, device))
    assert launch.device_of(make_config(tmp_path)) == "gpu:0"
    assert launch.device_of(make_config(tmp_path, Train={"cpu_processes": 2})) == "cpu"


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("[comm_task_manager.cc:173] Find timeout comm task: op:AllReduce", "NCCL_SOCKET_IFNAME"),
        ("ExternalError: NCCL error(5), unhandled system error", "first error in all logs"),
        ("ERROR: Unexpected BUS error encountered in DataLoader worker", "--shm-size"),
        ("ResourceExhaustedError: Out of memory error on GPU 0", "Train.batch_size"),
        ("bind: Address already in use", "Train.dist_port"),
        ("TCPStore: connect to 10.0.0.1:6070 Connection timed out", "Train.dist_ips"),
    ],
)
def test_faults_of_several_processes_come_with_advice(said, remedy, tmp_path):
    (tmp_path / "workerlog.0").write_text("step 1\n")
    (tmp_path / "workerlog.1").write_text(f"step 1\n{said}\n")
    error = launch._unexplained(1, tmp_path)
    assert remedy in error.hint
    leave_fault(tmp_path, 1, RuntimeError(said))
    assert remedy in read_fault(tmp_path).hint


def test_without_known_words_the_logs_are_named(tmp_path):
    assert "logs" in launch._unexplained(1, tmp_path).hint


def test_norms_are_shared_between_gpus_where_the_recipe_says_so(monkeypatch):
    """PP-YOLOE_seg and Mask-RT-DETR have `norm_type: sync_bn` in their YAMLs; the GPU is one by name alone."""
    import paddle
    from paddle import nn

    monkeypatch.setattr(launch, "world_size", lambda: 2)
    monkeypatch.setattr(paddle.distributed, "init_parallel_env", lambda: None)
    monkeypatch.setattr(paddle, "DataParallel", lambda layer, **options: (layer, options))
    session = LineSession()
    weights = {name: value.numpy() for name, value in session.network.state_dict().items()}
    trained = {id(value) for value in session.network.parameters()}
    recipe = get_spec("PP-YOLOE_seg-S").recipe
    launch.join(session, recipe)
    assert not any(isinstance(layer, nn.SyncBatchNorm) for layer in session.network.sublayers())
    monkeypatch.setattr(paddle, "get_device", lambda: "gpu:0")
    launch.join(session, recipe)
    assert sum(isinstance(layer, nn.SyncBatchNorm) for layer in session.network.sublayers()) == 1
    assert {id(value) for value in session.network.parameters()} == trained, "the optimizer moves the same tensors"
    assert session.forward[1] == {"find_unused_parameters": True}
    for name, value in session.network.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), weights[name], err_msg=name)


@pytest.mark.parametrize(("model", "shares"), [*SHARED_NORMS.items()])
def test_the_recipes_that_share_norms_are_the_official_ones(model, shares):
    assert get_spec(model).recipe.shares_norms is shares


def test_every_machine_tells_how_its_training_ended(tmp_path, monkeypatch, request):
    """Of a training on two machines the second one has no first process, and yet its command must end well."""
    root = logging.getLogger("segcli")
    request.addfinalizer(partial(root.setLevel, root.level))
    told = []
    result = TrainResult("PP-LiteSeg-T", ("a",), "c", "l", "h", "p", "mIoU", 0.5, 2, 2, None, {})
    monkeypatch.setattr(worker, "train_here", lambda _config: told.append(1) or result)
    config_file = tmp_path / launch.CONFIG_FILE
    config = make_config(tmp_path)
    write_json_atomic(config_file, {"config": config.model_dump(mode="json"), "origins": config.origins})
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


FAMILY = """
import os, subprocess, sys, time
below = {"launcher": "worker", "first": "launcher"}.get(sys.argv[1])
if below:
    pipe = {"stdin": subprocess.PIPE} if sys.argv[1] == "first" else {}
    with subprocess.Popen([sys.executable, __file__, below], **pipe) as child:
        child.wait()
else:
    from segcli.parent import end_with_parent
    end_with_parent()
    print(os.getpid(), flush=True)
    time.sleep(120)
"""


def test_workers_end_when_the_launching_process_is_killed(tmp_path):
    """The worker inherits the pipe through Paddle's launcher, which lives on as well."""
    script = tmp_path / "family.py"
    script.write_text(FAMILY)
    environment = {**os.environ, END_WITH_PARENT: "1", "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    with subprocess.Popen(
        [sys.executable, script, "first"], env=environment, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        int(first.stdout.readline())
        first.kill()
        # the end of the output is the end of all that inherited it
        assert first.stdout.read() == ""


@pytest.mark.slow
def test_two_processes_add_the_gradients_of_two_batches_up(tmp_path, monkeypatch):
    """Gradients are shared with the last batch of an iteration; a frozen part has none to share."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    dataset = make_seg_dataset(tmp_path / "data", train=8)
    output = tmp_path / "output"
    settings = {**SETTINGS, "accumulate": 2, "freeze": ("backbone",), "cpu_processes": 2}
    result = train(make_config(output, dataset, Train=settings))
    assert result.iterations == ITERATIONS
    assert_equal_weights(output)
    events = read_history(output / "history.jsonl")
    assert [event["epoch"] for event in events if event["event"] == "train"] == [1, 2, 3]


@pytest.mark.slow
def test_a_killed_training_leaves_no_process_behind(tmp_path):
    """Through Paddle's own launcher: the launching process gets SIGKILL, which it cannot tell anybody of."""
    dataset = make_seg_dataset(tmp_path / "data", train=8)
    command = [
        sys.executable,
        "-m",
        "segcli",
        "train",
        str(dataset),
        "--output",
        str(tmp_path / "out"),
        "--model",
        MODEL,
    ]
    keys = ["plan=off", "cpu_processes=2", "crop_size=[64,64]", "epochs_iters=100000", "log_interval=1"]
    command += [part for key in keys for part in ("-o", f"Train.{key}")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as launching:
        assert launching.stdout is not None
        assert any("iteration 1/100000" in line.replace("\n", "") for line in launching.stdout)
        workers = _workers(tmp_path / "out")
        launching.kill()
    assert len(workers) == 2
    end = time.monotonic() + 300  # on a machine with much else to do
    while still := _workers(tmp_path / "out"):
        assert time.monotonic() < end, f"still there: {still}"
        time.sleep(0.2)


def _workers(output: Path) -> list[str]:
    """Processes that train into the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = entry.read_bytes().decode(errors="replace").split("\0")
            if str(output / launch.CONFIG_FILE) in words and "paddle.distributed.launch" not in words:
                found.append(entry.parent.name)
    return found
