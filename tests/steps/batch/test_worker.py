from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from segcli.data import rle
from segcli.errors import SegcliError, UsageError
from segcli.steps.batch import storage
from segcli.steps.batch.command import count_faults
from segcli.steps.batch.job import Job
from segcli.steps.batch.leases import Process
from segcli.steps.batch.merge import merge, merge_kind
from segcli.steps.batch.rows import mask_png, row_of
from tests.steps.batch.stub import StubModel, make_images, make_job, stub_work

ROOT = Path(__file__).resolve().parents[3]


def rows(job):
    files = sorted(job.folder.rglob("*.jsonl"))
    assert all(file.parent.name == "shards" for file in files)
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def start(job, number=0, workers=1, **env):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **env}
    command = [sys.executable, "-m", "tests.steps.batch.stub", str(job.folder), str(number), str(workers)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_passwords_of_urls_are_in_no_result(tmp_path, monkeypatch):
    content = (make_images(tmp_path / "in", 1) / "i000.png").read_bytes()
    known = {"https://me:secret@host/there.png": content}
    monkeypatch.setattr(storage, "fetch_image", lambda url: known.get(url, b"no image"))
    listed = tmp_path / "list.txt"
    listed.write_text("\n".join([*known, "https://me:secret@host/gone.png"]))
    job = make_job(tmp_path / "out", listed)
    assert stub_work(job.folder) == 1
    found = rows(job)
    assert [row["input_path"] for row in found] == ["https://host/there.png", "https://host/gone.png"]
    assert "error" in found[1] and "error" not in found[0]
    holding = [file.name for file in job.folder.rglob("*") if file.is_file() and b"secret" in file.read_bytes()]
    assert holding == ["manifest.csv"]


def test_every_image_has_a_row_and_a_bad_one_says_why(tmp_path):
    images = make_images(tmp_path / "in", 9)
    (images / "i002.png").write_bytes(b"no image")
    cv2.imwrite(str(images / "i005.png"), np.zeros((13, 4, 3), np.uint8))
    job = make_job(tmp_path / "out", images)
    (images / "i007.png").unlink()
    cv2.imwrite(str(images / "i008.png"), np.full((12, 16, 3), 200, np.uint8))
    assert stub_work(job.folder) == 3
    found = rows(job)
    assert [Path(row["input_path"]).name for row in found] == [f"i{n:03d}.png" for n in range(9)]
    faults = {Path(row["input_path"]).name: row["error"] for row in found if "error" in row}
    assert faults == {
        "i002.png": "is no image that can be decoded",
        "i005.png": "the model fails on this image of 4 x 13 px: RuntimeError: 13 is no size",
        "i007.png": "no such file",
        "i008.png": "has changed since the manifest was written",
    }
    assert count_faults(job) == 4
    listed = [file.read_text().splitlines() for file in sorted((job.folder / "faults").iterdir())]
    assert [len(lines) - 1 for lines in listed] == [1, 2, 1]
    bright = found[4]["annotations"][1]
    assert (bright["category_name"], bright["area"], bright["bbox"]) == ("bright", 48, [0, 0, 4, 12])
    assert rle.decode(rle.parse(bright["segmentation"]))[:, :4].all()
    assert not list((job.folder / "work").iterdir())


def test_what_is_done_is_not_done_again(tmp_path):
    job = make_job(tmp_path / "out", make_images(tmp_path / "in", 8))
    assert stub_work(job.folder) == 2
    (job.folder / "shards" / "000001.jsonl").unlink()
    before = (job.folder / "shards" / "000000.jsonl").stat().st_mtime_ns
    assert stub_work(job.folder) == 1
    assert (job.folder / "shards" / "000000.jsonl").stat().st_mtime_ns == before


def test_a_model_that_fails_everywhere_is_no_fault_of_the_images(tmp_path, monkeypatch):
    def fail(_model, _items, _settings):
        raise RuntimeError("no GPU")

    monkeypatch.setattr(StubModel, "predict_items", fail)
    job = make_job(tmp_path / "out", make_images(tmp_path / "in", 2))
    with pytest.raises(SegcliError, match="works on none of 2 images, nor on an empty one: RuntimeError: no GPU"):
        stub_work(job.folder)
    assert not job.done() and not list((job.folder / "work").glob("*.lease"))


def test_a_shard_of_images_on_which_the_model_fails_is_done(tmp_path):
    images = make_images(tmp_path / "in", 4)
    cv2.imwrite(str(images / "last.png"), np.zeros((13, 4, 3), np.uint8))
    job = make_job(tmp_path / "out", images)
    assert stub_work(job.folder) == 2
    assert rows(job)[-1]["error"] == "the model fails on this image of 4 x 13 px: RuntimeError: 13 is no size"


def test_masks_as_png_lie_in_a_tar(tmp_path):
    job = make_job(tmp_path / "out", make_images(tmp_path / "in", 5), masks="png")
    stub_work(job.folder)
    last = rows(job)[-1]
    assert "segmentation" not in last["annotations"][0]
    with tarfile.open(job.folder / "shards" / last["mask"]["file"]) as tar:
        data = tar.extractfile(last["mask"]["member"]).read()
    mask = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert mask.shape[:2] == (12, 16) and np.ptp(mask) > 0
    merged = merge(job, tmp_path / "all.tar")
    with tarfile.open(merged) as tar:
        assert len(tar.getnames()) == 5 and tar.getnames()[-1] == "000001/000000_i004.png"


def test_merged_results_are_one_coco_file(tmp_path):
    images = make_images(tmp_path / "in", 6)
    (images / "i001.png").write_bytes(b"no image")
    job = make_job(tmp_path / "out", images)
    stub_work(job.folder)
    values = json.loads(merge(job, job.folder / "all.json").read_text())
    assert [one["id"] for one in values["images"]] == [1, 2, 3, 4, 5, 6]
    assert values["images"][1]["error"]
    assert values["categories"] == [{"id": 0, "name": "dark"}, {"id": 1, "name": "bright"}]
    assert {one["image_id"] for one in values["annotations"]} == {1, 3, 4, 5, 6}
    assert [one["id"] for one in values["annotations"]] == list(range(1, len(values["annotations"]) + 1))
    assert merge(job, tmp_path / "all.jsonl").read_text().count("\n") == 6
    assert rows(job)


@pytest.mark.parametrize(
    ("name", "message"), [("out/a.jsonl", "below"), ("a.tar", "not images"), ("a.zip", "unknown kind")]
)
def test_what_cannot_be_merged_is_told_before_the_work(tmp_path, name, message):
    with pytest.raises(UsageError, match=message):
        merge_kind(tmp_path / name, tmp_path / "out", "coco")


def test_a_killed_worker_loses_nothing_and_its_shard_goes_to_the_next(tmp_path):
    job = make_job(tmp_path / "out", make_images(tmp_path / "in", 40))
    one = start(job, 0, 2, STUB_PAUSE="0.05")
    wait_for(lambda: len(job.done()) >= 2)
    one.send_signal(signal.SIGKILL)
    one.wait()
    begin = time.monotonic()
    done_before = len(job.done())
    assert done_before < job.shards
    assert stub_work(job.folder, 1, 2) == job.shards - done_before
    assert time.monotonic() - begin < job.lease_s / 2
    assert len(rows(job)) == 40
    assert not list((job.folder / "work").iterdir())


def test_what_a_worker_left_that_died_after_its_last_image_is_removed(tmp_path):
    job = make_job(tmp_path / "out", make_images(tmp_path / "in", 8))
    assert stub_work(job.folder) == job.shards
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    holders = {1: dead.pid, 0: os.getpid()}
    for shard, pid in holders.items():
        holder = replace(Process.this(), pid=pid)
        lease = {**asdict(holder), "worker": "another"}
        (job.folder / "work" / f"{shard:06d}.1.lease").write_text(json.dumps(lease))
        (job.folder / "work" / f"{shard:06d}.1.{pid}.rows.part").touch()
    assert stub_work(job.folder) == 0
    left = {path.name for path in (job.folder / "work").iterdir()}
    assert left == {"000000.1.lease", f"000000.1.{os.getpid()}.rows.part"}, "those of a worker that lives are its own"


def test_workers_side_by_side_share_the_shards(tmp_path):
    job = make_job(tmp_path / "out", make_images(tmp_path / "in", 40), shard_size=2)
    workers = [start(job, number, 2, STUB_PAUSE="0.05") for number in range(2)]
    assert [worker.wait() for worker in workers] == [0, 0]
    assert len(rows(job)) == len({row["input_path"] for row in rows(job)}) == 40


def test_a_worker_that_is_asked_to_end_gives_its_shard_back(tmp_path):
    job = make_job(tmp_path / "out", make_images(tmp_path / "in", 40))
    code = "import sys; from segcli.app import guard; from tests.steps.batch.stub import Path, stub_work; "
    code += "guard(lambda: stub_work(Path(sys.argv[1])))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "STUB_PAUSE": "0.05"}
    worker = subprocess.Popen(
        [sys.executable, "-c", code, str(job.folder)], env=environment, stderr=subprocess.DEVNULL, cwd=ROOT
    )
    wait_for(job.done)
    worker.terminate()
    worker.wait()
    assert not list((job.folder / "work").glob("*.lease"))


def test_an_image_that_kills_its_workers_becomes_a_row(tmp_path):
    images = make_images(tmp_path / "in", 6)
    (images / "i002.png").rename(images / "i002_deadly.png")
    job = make_job(tmp_path / "out", images, shard_size=6)
    for _ in range(3):
        assert start(job).wait() == -signal.SIGKILL
        assert not job.done()
    assert stub_work(job.folder) == 1
    (fault,) = [row for row in rows(job) if "error" in row]
    assert "i002_deadly" in fault["input_path"] and "workers died" in fault["error"]


def test_objects_have_rows_and_numbered_masks():
    from segcli.data.classes import ClassMap
    from segcli.data.detections import Detections
    from segcli.data.sources import SourceItem
    from segcli.steps.predict.instance_results import InstanceResult

    masks = np.zeros((2, 6, 8), np.uint8)
    masks[0, 1:4, 1:5] = masks[1, 2:6, 3:8] = 1
    found = Detections(np.array([0.9, 0.5]), np.array([1, 0]), [rle.encode(mask) for mask in masks])
    item = SourceItem("x.png", None, Path("x"), np.zeros((6, 8, 3), np.uint8))
    result = InstanceResult(item, found, ClassMap(("a", "b")))
    row = row_of(result, with_codes=True)
    assert [(one["category_id"], one["category_name"], one["area"]) for one in row["annotations"]] == [
        (2, "b", 12),
        (1, "a", 20),
    ]
    assert json.dumps(row)
    numbers = cv2.imdecode(np.frombuffer(mask_png(result), np.uint8), cv2.IMREAD_UNCHANGED)
    assert numbers.dtype == np.uint16 and numbers[2, 3] == 1 and numbers[5, 7] == 2 and numbers[0, 0] == 0


def test_a_folder_without_a_batch_says_so(tmp_path):
    with pytest.raises(UsageError, match="holds no batch"):
        Job.open(tmp_path)
    (tmp_path / "batch.json").write_text('{"schema": 1}')
    with pytest.raises(UsageError, match="is damaged"):
        Job.open(tmp_path)
