from __future__ import annotations

import hashlib
import tracemalloc

import pytest

from segcli.errors import InputError, UsageError
from segcli.steps.batch.manifest import FILE, Manifest, ManifestRow, in_shards, write_manifest
from segcli.steps.batch.sources import Source, rows_of
from tests.steps.batch.stub import make_images


def test_each_shard_is_read_alone_whatever_the_names_are(tmp_path):
    names = ["/a/plain.png", '/a/quo"te, comma.png', "/a/new\nline.png", "/a/b\udcffyte.png", "s3://bucket/ä.png"]
    rows = [ManifestRow(name, index or None, "0f" * index, index // 2) for index, name in enumerate(names)]
    manifest = write_manifest(tmp_path, rows)
    assert (manifest.shards, manifest.images) == (3, 5)
    assert [manifest.rows(shard) for shard in range(3)] == [rows[:2], rows[2:4], rows[4:]]
    assert Manifest(tmp_path, 3, 5).rows(2) == rows[4:]


def test_rows_of_a_shard_must_be_together(tmp_path):
    rows = [ManifestRow("a", None, "", shard) for shard in (0, 1, 0)]
    with pytest.raises(InputError, match="row 3 is of shard 0, after shard 1"):
        write_manifest(tmp_path, rows)
    assert not (tmp_path / FILE).exists()


def test_memory_does_not_grow_with_the_rows(tmp_path):
    def peak(count):
        tracemalloc.start()
        write_manifest(tmp_path, in_shards((ManifestRow(f"/i/{n}.png", n, "", 0) for n in range(count)), 50))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(100)
    assert peak(5_000) < peak(500) + 20_000  # 100 offsets, not 5,000 rows


def test_a_folder_gives_sizes_and_digests(tmp_path):
    images = make_images(tmp_path / "in", 3)
    (images / "sub").mkdir()
    (images / "sub" / "x.JPG").write_bytes(b"xyz")
    (images / "notes.md").write_text("no image")
    (images / ".hidden.png").write_bytes(b"")
    rows = list(rows_of(Source.of(str(images)), 2, digests=True))
    assert [row.path for row in rows] == [
        str(images / name) for name in ("i000.png", "i001.png", "i002.png", "sub/x.JPG")
    ]
    assert [row.shard for row in rows] == [0, 0, 1, 1]
    assert (rows[-1].size, rows[-1].digest) == (3, hashlib.sha256(b"xyz").hexdigest())
    assert {row.digest for row in rows_of(Source.of(str(images)), 2, digests=False)} == {""}


def test_a_table_names_images_and_shards(tmp_path):
    table = tmp_path / "m.csv"
    table.write_text("path,size,digest,shard\na.png,5,sha256:AB,0\ns3://b/c.png,,,1\n")
    rows = list(rows_of(Source.of(str(table)), 1000, digests=False))
    assert rows == [ManifestRow(str(tmp_path / "a.png"), 5, "ab", 0), ManifestRow("s3://b/c.png", None, "", 1)]
    table.write_text("image,size\nb.png,\n")
    assert [row.path for row in rows_of(Source.of(str(table)), 10, digests=False)] == [str(tmp_path / "b.png")]
    (tmp_path / "l.txt").write_text("a b.png\n\nc.png\n")
    found = [row.path for row in rows_of(Source.of(str(tmp_path / "l.txt")), 10, digests=False)]
    assert found == [str(tmp_path / "a b.png"), str(tmp_path / "c.png")]


@pytest.mark.parametrize(
    ("text", "message"),
    [("name\na\n", "no column path"), ("path\n", "holds no image"), ("path,size\na,big\n", "row 1 is damaged")],
)
def test_damaged_tables_are_named(tmp_path, text, message):
    table = tmp_path / "m.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=message):
        write_manifest(tmp_path, rows_of(Source.of(str(table)), 10, digests=False))


def test_what_is_no_source_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file") as caught:
        Source.of(str(tmp_path / "none"))
    assert caught.value.exit_code == UsageError.exit_code
    (tmp_path / "x.png").write_bytes(b"")
    with pytest.raises(InputError, match="is no manifest"):
        Source.of(str(tmp_path / "x.png"))


def test_stores_are_read_through_fsspec(tmp_path):
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    for name in ("b.png", "a.png", "n.txt"):
        store.pipe(f"/guests/in/{name}", name.encode())
    rows = list(rows_of(Source.of("memory://guests/in"), 10, digests=True))
    assert [row.path for row in rows] == ["memory:///guests/in/a.png", "memory:///guests/in/b.png"]
    assert rows[0].digest == hashlib.sha256(b"a.png").hexdigest()
    with pytest.raises(Exception, match="nothing here reads or writes such URLs"):
        list(rows_of(Source.of("nonsense://x/y"), 10, digests=False))
