from __future__ import annotations

import json
import tarfile
import threading

import pytest

from segcli.errors import InputError, MissingPartError
from segcli.steps.batch.job import Job
from segcli.steps.batch.leases import Leases
from segcli.steps.batch.merge import merge
from segcli.steps.batch.results import FolderResults, StoreResults
from segcli.steps.batch.worker import claimed
from tests.steps.batch.stub import make_images, make_job, stub_work

fsspec = pytest.importorskip("fsspec")


@pytest.fixture(params=["folder", "store"])
def results(request, tmp_path):
    if request.param == "folder":
        (tmp_path / "there/shards").mkdir(parents=True)
        return FolderResults(tmp_path / "there")
    return StoreResults(f"memory://{tmp_path.name}")


def test_a_file_is_moved_there_whole(results, tmp_path):
    assert results.names("shards") == [] and not results.exists("shards/000000.jsonl")
    (tmp_path / "scratch").write_bytes(b"{}\n")
    results.put(tmp_path / "scratch", "shards/000000.jsonl")
    assert results.names("shards") == ["000000.jsonl"] and results.exists("shards/000000.jsonl")
    assert not (tmp_path / "scratch").exists()
    with results.open("shards/000000.jsonl") as file:
        assert file.read() == b"{}\n"


def test_an_upload_that_fails_leaves_nothing(tmp_path, monkeypatch):
    results = StoreResults(f"file://{tmp_path / 'store'}")
    (tmp_path / "scratch").write_bytes(b"x" * 1000)

    def broken(source, target):
        target.write(source.read(10))
        raise OSError("connection lost")

    monkeypatch.setattr("segcli.steps.batch.results.shutil.copyfileobj", broken)
    with pytest.raises(InputError, match="connection lost"):
        results.put(tmp_path / "scratch", "shards/000000.jsonl")
    assert results.names("shards") == [] and (tmp_path / "scratch").exists()


def test_a_worker_writes_rows_and_masks_into_a_store(tmp_path):
    job = make_job(tmp_path / "state", make_images(tmp_path / "in", 6), masks="png")
    Job(**{**vars(job), "results_url": f"memory://{tmp_path.name}"}).save()
    assert stub_work(job.folder) == 2
    there = Job.open(job.folder)
    assert there.done() == {0, 1} and not list((job.folder / "shards").iterdir())
    merge(there, tmp_path / "all.tar")
    with tarfile.open(tmp_path / "all.tar") as tar:
        assert len(tar.getnames()) == 6
    assert stub_work(job.folder) == 0


def test_a_store_is_not_listed_again_and_again_while_another_worker_holds_a_shard(tmp_path, monkeypatch):
    job = make_job(tmp_path / "state", make_images(tmp_path / "in", 6))
    job = Job(**{**vars(job), "results_url": f"memory://{tmp_path.name}"})

    def finish(lease):
        scratch = lease.scratch("rows")
        scratch.write_bytes(b"{}\n")
        job.results.put(scratch, f"shards/{lease.shard:06d}.jsonl")
        lease.done()

    asked = []
    names = StoreResults.names
    monkeypatch.setattr(StoreResults, "names", lambda self, folder: asked.append(folder) or names(self, folder))
    other = Leases(job.folder / "work", 60).take(0)
    timer = threading.Timer(1.2, finish, [other])
    timer.start()
    for lease in claimed(job, Leases(job.folder / "work", 60)):
        assert lease.shard == 1
        finish(lease)
    timer.join()
    assert job.done() == {0, 1}
    assert len(asked) <= 3  # at the beginning, at the end, and by this test


def test_stores_without_a_package_are_named():
    with pytest.raises(MissingPartError, match="reads or writes"):
        StoreResults("nothing://x").names("shards")


def test_results_and_manifests_are_parquet_where_pyarrow_is_installed(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is optional")
    import pyarrow
    from pyarrow import parquet

    images = make_images(tmp_path / "in", 5)
    (images / "i005.png").write_bytes(b"no image")
    table = tmp_path / "list.parquet"
    paths = [path.name for path in sorted(images.iterdir())]
    parquet.write_table(pyarrow.table({"path": [f"in/{name}" for name in paths], "shard": [0, 0, 0, 1, 1, 1]}), table)
    job = make_job(tmp_path / "out", table)
    assert (job.images, job.shards) == (6, 2)
    assert stub_work(job.folder) == 2
    rows = parquet.read_table(merge(job, tmp_path / "all.parquet")).to_pylist()
    assert [row["input_path"] for row in rows] == [str(images / name) for name in paths]
    assert [row["error"] is None for row in rows] == [True] * 5 + [False]
    assert (rows[1]["height"], rows[1]["width"]) == (12, 16)
    names = {one["category_name"]: one["area"] for one in json.loads(rows[1]["annotations"])}
    assert names == {"dark": 12 * 15, "bright": 12}
