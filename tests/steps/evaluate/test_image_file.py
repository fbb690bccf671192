from __future__ import annotations

import csv
from pathlib import Path

import pytest

from segcli.steps.evaluate.image_file import write_table

TABLE = [
    {"image": "images/a b.jpg", "folder": "images", "width": 640, "mIoU": 0.1 + 0.2, "IoU_sky": None, "group": None},
    {"image": "images/车.jpg", "folder": "images", "width": 1, "mIoU": None, "IoU_sky": 1, "group": None, "PQ": 0.5},
]


def test_parquet_holds_what_the_csv_holds_with_types(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is optional")
    files = write_table(TABLE, tmp_path / "per_image")
    assert [file.rsplit(".", 1)[1] for file in files] == ["csv", "parquet"]
    read = parquet.read_table(files[1])
    columns = ["image", "folder", "width", "mIoU", "IoU_sky", "group", "PQ"]
    assert read.column_names == columns
    assert read.to_pylist() == [{name: row.get(name) for name in columns} for row in TABLE]
    assert str(read.schema.field("width").type) == "int64"
    assert str(read.schema.field("mIoU").type) == "double"
    with Path(files[0]).open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert float(rows[0]["mIoU"]) == TABLE[0]["mIoU"], "full precision in both"
    again = write_table(TABLE, tmp_path / "again")
    assert Path(files[1]).read_bytes() == Path(again[1]).read_bytes(), "the file must be byte-stable"


def test_a_column_of_whole_and_broken_numbers_is_written(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is optional")
    table = [{"image": "a", "score": 1}, {"image": "b", "score": 0.25}, {"image": "c", "score": None}]
    files = write_table(table, tmp_path / "per_image")
    assert parquet.read_table(files[1])["score"].to_pylist() == [1.0, 0.25, None]


def test_without_images_and_without_pyarrow_there_is_only_the_csv(tmp_path, monkeypatch):
    assert [file[-4:] for file in write_table([], tmp_path / "none")] == [".csv"]
    monkeypatch.setattr("segcli.steps.evaluate.image_file.find_spec", lambda name: None)
    assert [file[-4:] for file in write_table(TABLE, tmp_path / "plain")] == [".csv"]
