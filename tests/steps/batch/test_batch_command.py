"""The command as a whole, with a model of another maker that costs nothing."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from segcli.cli.main import main
from segcli.config.schema import PredictConfig
from segcli.errors import MissingPartError, SegcliError, UsageError
from segcli.signals import Stopped
from segcli.steps.batch.command import BatchRequest, batch
from segcli.steps.batch.executors.local import LocalPool
from segcli.steps.batch.executors.table import EXECUTORS, executor
from segcli.steps.batch.job import SHARDS, Job, part
from segcli.steps.batch.manifest import ManifestRow, in_shards, write_manifest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from tests.onnx_models import semantic_guest
from tests.steps.batch.leases import kill_holder

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def guest(tmp_path_factory):
    return semantic_guest(tmp_path_factory.mktemp("guest"))


@pytest.fixture
def request_(tmp_path, guest, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(12):
        image = np.zeros((64, 64, 3), np.uint8)
        image[..., number % 3] = 200
        cv2.imwrite(str(folder / f"{number:02d}.png"), image)
    settings = PredictConfig(runtime="onnxruntime")
    return BatchRequest(str(folder), tmp_path / "out", str(guest), settings=settings, device="cpu", shard_size=3)


def rows(out):
    return [json.loads(line) for file in sorted(out.rglob("*.jsonl")) for line in file.read_text().splitlines()]


def test_the_same_command_begins_goes_on_and_refuses_another_batch(request_):
    result = batch(request_)
    assert result.complete and (result.done, result.done_before) == (4, 0)
    found = [row["annotations"][0]["category_name"] for row in rows(request_.out)]
    assert found == ["blue", "green", "red"] * 4  # OpenCV writes blue, green, red
    (request_.out / "shards/000002.jsonl").unlink()
    again = batch(replace(request_, merge=request_.out / "all.json"))
    assert (again.done, again.done_before) == (4, 3)
    assert len(json.loads(again.merged.read_text())["images"]) == 12
    with pytest.raises(UsageError, match="other settings"):
        batch(replace(request_, settings=PredictConfig(batch_size=2)))
    with pytest.raises(UsageError, match="other images"):
        batch(replace(request_, source=str(request_.out)))


def test_a_signal_leaves_a_result_and_the_same_command_goes_on(request_, monkeypatch, capsys):
    """The first signal comes before a shard is finished, the second one while the workers are ended."""
    is_working, stop = LocalPool.is_working, LocalPool.stop

    def stopped(pool):
        os.kill(os.getpid(), signal.SIGHUP)
        return is_working(pool)

    def stopped_again(pool):
        with pytest.raises(Stopped):
            os.kill(os.getpid(), signal.SIGTERM)
        stop(pool)

    words = ["batch", request_.source, "--out", str(request_.out), "--model-dir", request_.model_dir]
    words += ["--runtime", "onnxruntime", "--shard-size", "1"]
    with monkeypatch.context() as patch:
        patch.setattr(LocalPool, "is_working", stopped)
        patch.setattr(LocalPool, "stop", stopped_again)
        with pytest.raises(SystemExit) as end:
            main(words)
    assert end.value.code == 129
    said = capsys.readouterr().err
    assert "stopped by SIGHUP after" in said and "same command goes on" in said
    result = json.loads((request_.out / "batch_result.json").read_text())
    assert result["done_flag"] is False and (result["shards_done"], result["shards"]) == (0, 12)

    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 0
    again = json.loads((request_.out / "batch_result.json").read_text())
    assert again["done_flag"] is True and again["shards_done"] == 12


def test_a_killed_local_worker_is_replaced(request_, monkeypatch):
    big = Path(request_.source)
    for file in big.iterdir():
        cv2.imwrite(str(file), cv2.resize(cv2.imread(str(file)), (1500, 1500)))
    command = [sys.executable, "-m", "segcli", "batch", str(big), "--out", str(request_.out)]
    command += ["--model-dir", request_.model_dir, "--shard-size", "2", "--device", "cpu", "--runtime", "onnxruntime"]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    end = time.monotonic() + 120
    killed = None
    while killed is None and running.poll() is None and time.monotonic() < end:
        for file in (request_.out / "work").glob("*.lease"):
            killed = kill_holder(file)
        time.sleep(0.01)
    output = running.communicate(timeout=120)[0]
    assert killed is not None and "a new worker replaces it" in output
    assert running.returncode == 0, output
    assert len({row["input_path"] for row in rows(request_.out)}) == len(rows(request_.out)) == 12


def test_results_go_to_a_store_and_another_machine_goes_on(request_, tmp_path, monkeypatch):
    pytest.importorskip("fsspec")
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path / "first"))
    request = replace(request_, out=f"file://{tmp_path / 'store'}")
    (tmp_path / "in" / "12.png").write_bytes(b"no image")
    result = batch(replace(request, merge=tmp_path / "all.json"))
    assert (result.done, result.failed) == (5, 1)
    assert len(rows(tmp_path / "store")) == 13
    assert result.as_dict()["save_path"] == request.out and result.as_dict()["model_name"] == "colours"
    assert len(json.loads((tmp_path / "all.json").read_text())["images"]) == 13
    kept = sorted(path.relative_to(tmp_path / "store").as_posix() for path in (tmp_path / "store").rglob("*.*"))
    assert kept[:2] == ["batch.json", "faults/000004.csv"] and "manifest.csv" in kept
    (tmp_path / "store/shards/000002.jsonl").unlink()
    (tmp_path / "in" / "13.png").write_bytes(b"later")  # the manifest counts, not the folder
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path / "second"))
    again = batch(request)
    assert (again.done, again.done_before, again.job.images) == (5, 4, 13)
    with pytest.raises(UsageError, match="other masks"):
        batch(replace(request, masks="png"))


def test_slurm_gets_a_job_array_that_does_the_work(request_, tmp_path, monkeypatch):
    sbatch = tmp_path / "bin" / "sbatch"
    sbatch.parent.mkdir()
    sbatch.write_text(
        "#!/bin/bash\n"
        f'echo "$@" > {tmp_path}/called\n'
        "last=$(grep -oP 'array=0-\\K\\d+' \"${@: -1}\")\n"
        'for i in $(seq 0 $last); do SLURM_ARRAY_TASK_ID=$i bash "${@: -1}" || exit 1; done >&2\n'
        "echo '77;cluster'\n"
    )
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{sbatch.parent}:{os.environ['PATH']}")
    result = batch(replace(request_, executor="slurm", workers=2))
    assert (tmp_path / "called").read_text().split()[0] == "--parsable"
    assert result.complete and len(rows(request_.out)) == 12
    sbatch.write_text("#!/bin/bash\necho no partition >&2\nexit 1\n")
    with pytest.raises(SegcliError, match="no partition"):
        batch(replace(request_, executor="slurm", out=tmp_path / "other"))


def test_a_worker_that_fails_says_why(request_, tmp_path):
    batch(request_)
    (request_.out / "shards/000001.jsonl").unlink()
    job = Job.open(request_.out)
    replace(job, model_digest="another").save()
    code = "from segcli.steps.batch.worker import work; import sys; work(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, str(request_.out)], capture_output=True, text=True, check=False)
    assert "another model than the batch began with" in done.stderr


def test_what_is_missing_is_told(request_, monkeypatch):
    with pytest.raises(UsageError, match="no executor 'spark'"):
        executor("spark")
    for name in ("ray", "dask"):
        monkeypatch.setattr("segcli.steps.batch.executors.table.find_spec", lambda _: None)
        with pytest.raises(MissingPartError, match="is not installed"):
            executor(name)
    assert set(EXECUTORS) == {"local", "ray", "dask", "slurm"}


@pytest.mark.slow
def test_a_million_rows_are_gone_on_with_in_two_seconds(request_, tmp_path):
    batch(request_)
    job = Job.open(request_.out)
    images = in_shards((ManifestRow(f"/data/images/{n:09d}.png", 1000, "0" * 64, 0) for n in range(1_000_000)), 500)
    manifest = write_manifest(request_.out, images)
    replace(job, images=manifest.images, shards=manifest.shards).save()
    for shard in range(manifest.shards):
        (job.folder / part(SHARDS, shard, ".jsonl")).touch()
    command = [sys.executable, "-m", "segcli", "batch", request_.source, "--out", str(request_.out)]
    command += ["--model-dir", request_.model_dir, "--shard-size", "3", "--device", "cpu", "--runtime", "onnxruntime"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "2000 of 2000 done, 0 of them now" in done.stdout
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2


def test_a_cluster_that_does_not_start_is_told(request_, monkeypatch):
    def fails(**_):
        raise RuntimeError("The current node timed out\n  during startup")

    fake = SimpleNamespace(is_initialized=lambda: False, init=fails)
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setattr("segcli.steps.batch.executors.table.find_spec", lambda _: True)
    with pytest.raises(
        SegcliError, match="Ray does not start on this machine: The current node timed out during"
    ) as told:
        batch(replace(request_, executor="ray"))
    assert "RAY_ADDRESS" in told.value.hint
