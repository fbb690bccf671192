"""A batch from and into S3: a server of the same protocol on this machine.

``pip install s3fs "moto[server]"``; they are wanted by nothing else, so they are not among the packages of a
development environment.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from segcli.config.schema import PredictConfig
from segcli.steps.batch.command import BatchRequest, batch
from tests.steps.batch.stub import make_images

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("s3fs", reason="s3fs is optional")
pytest.importorskip("moto.server", reason="moto is optional")
from tests.onnx_models import semantic_guest


@pytest.fixture
def store(monkeypatch):
    """A file system of a new server, which the standard variables of S3's clients name."""
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "anyone",
        "AWS_SECRET_ACCESS_KEY": "anything",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    yield s3fs.S3FileSystem()
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_images_come_from_s3_and_results_go_there(store, tmp_path, monkeypatch):
    images = make_images(tmp_path / "in", 6)
    (images / "i006.png").write_bytes(b"no image")
    store.mkdir("bucket")
    store.put(str(images), "bucket/in", recursive=True)
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path / "cache"))
    root = str(Path(__file__).resolve().parents[3])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])))
    guest = semantic_guest(tmp_path)
    settings = PredictConfig(runtime="onnxruntime")
    request = BatchRequest("s3://bucket/in", "s3://bucket/out", str(guest), settings, device="cpu", shard_size=3)
    done = batch(request)
    assert (done.done, done.failed, done.job.images) == (3, 1, 7)
    shards = sorted(store.ls("bucket/out/shards", detail=False))
    assert [shard.rpartition("/")[2] for shard in shards] == ["000000.jsonl", "000001.jsonl", "000002.jsonl"]
    rows = [json.loads(line) for shard in shards for line in store.cat_file(shard).splitlines()]
    assert [row["input_path"] for row in rows] == [f"s3://bucket/in/i{number:03d}.png" for number in range(7)]
    assert "error" in rows[-1] and all("annotations" in row for row in rows[:-1])
    store.rm("bucket/out/shards/000001.jsonl")
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path / "another machine"))
    again = batch(request)
    assert (again.done_before, again.done) == (2, 3)
    assert again.as_dict()["save_path"] == "s3://bucket/out"
