"""A second check of files that have not changed decodes none of them, and finds the same."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from segcli.data.samples import Split
from segcli.steps.check import files, inspection, manifest
from segcli.steps.check.command import check_dataset
from segcli.steps.check.looks import LookPlan
from segcli.steps.check.result import CheckResult
from tests.coco_folder import make_coco_folder
from tests.rules.coco_cases import seen, upside_down
from tests.rules.masks_cases import in_corner, shown
from tests.rules.replay import Change
from tests.seg_folder import make_seg_folder
from tests.trained_model import make_config

MAKE = {"PP-LiteSeg-T": make_seg_folder, "SOLOv2": make_coco_folder}


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that were just made count as settled, and tiny ones have entries."""
    monkeypatch.setattr(manifest, "_SETTLED_NS", 0)
    monkeypatch.setattr(manifest, "_LEAST_BYTES", 0)


def check(root: Path, output: Path, model: str = "PP-LiteSeg-T", **options: Any) -> CheckResult:
    values = {"model": model, "dataset_dir": str(root), "output": str(output), "mode": "check_dataset"}
    result: CheckResult = check_dataset(make_config(output, Global=values, CheckDataset={"demo_images": 0, **options}))
    return result


def told(result: CheckResult, output: Path) -> dict[str, Any]:
    """Everything that a check says, without how it came to know."""
    values = result.as_dict()
    del values["looked_at"]
    fingerprint = json.loads((output / "fingerprint.json").read_text())
    return {**values, "fingerprint": fingerprint}


@pytest.mark.parametrize("model", MAKE)
@pytest.mark.usefixtures("old")
def test_second_check_decodes_nothing_and_tells_the_same(
    tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, output = MAKE[model](tmp_path / "data", train=3, val=2).root, tmp_path / "out"
    first = check(root, output, model)
    before = told(first, output)
    assert (first.looked_at.decoded, first.looked_at.known) == (5, 0)
    decoded: list[str] = []
    decode = files.decode_image_file
    for module in (files, inspection):
        monkeypatch.setattr(
            module,
            "decode_image_file",
            lambda data, facts, **more: decoded.append(facts.path) or decode(data, facts, **more),
        )

    second = check(root, output, model)

    assert told(second, output) == before
    assert (second.looked_at.decoded, second.looked_at.known, decoded) == (0, 5, [])
    assert check(root, output, model, reuse=False).looked_at.known == 0
    assert len(decoded) == 5


@pytest.mark.usefixtures("old")
def test_folder_whose_name_is_not_utf_8_has_entries_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", "segcli.check")  # a test's log is sent between processes, in UTF-8
    root = make_seg_folder(tmp_path / "data", train=3, val=2).root
    try:
        root = root.rename(tmp_path / os.fsdecode(b"caf\xe9"))
    except OSError:
        pytest.skip("this file system takes names in UTF-8 alone")
    first, second = (check(root, tmp_path / "out") for _ in range(2))
    assert (first.looked_at.known, second.looked_at.known) == (0, 5)


@pytest.mark.usefixtures("old")
def test_dataset_given_in_full_needs_no_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, gone = make_seg_folder(tmp_path / "data", train=3, val=2).root, tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert [check(root, tmp_path / "out").looked_at.known for _ in range(2)] == [0, 5]


@pytest.mark.usefixtures("old")
def test_dataset_given_relatively_is_known_by_its_full_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_seg_folder(tmp_path / "data", train=3, val=2).root
    check(root, tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    assert check(Path("data"), tmp_path / "out").looked_at.known == 5


@pytest.mark.usefixtures("old")
@pytest.mark.parametrize(
    ("rule", "model", "spoil"),
    [
        ("S420", "PP-LiteSeg-T", shown(np.flipud)),
        ("S419", "PP-LiteSeg-T", shown(in_corner)),
        ("C177", "SOLOv2", seen(upside_down)),
    ],
)
def test_what_was_compared_is_known(tmp_path: Path, rule: str, model: str, spoil: Change) -> None:
    folder = MAKE[model](tmp_path / "data")
    spoil(folder)
    first, second = (check(folder.root, tmp_path / "out", model) for _ in range(2))
    assert second.looked_at.decoded == 0
    for result in (first, second):
        assert rule in {found.code for found in result.findings}


@pytest.mark.usefixtures("old")
def test_changed_file_is_looked_at_again_even_with_its_old_time_and_size(tmp_path: Path) -> None:
    root, output = make_seg_folder(tmp_path / "data", train=3, val=2).root, tmp_path / "out"
    check(root, output)
    mask = sorted((root / "annotations").iterdir())[0]
    stat, data = mask.stat(), bytearray(mask.read_bytes())
    data[len(data) // 2] ^= 0xFF
    mask.write_bytes(bytes(data))
    os.utime(mask, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    again = check(root, output)

    assert (again.looked_at.decoded, again.looked_at.known) == (1, 4)
    assert not again.valid
    assert check(root, output).looked_at.known == 4, "a faulty file is always looked at again"


def test_files_of_this_moment_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "_LEAST_BYTES", 0)
    root, output = make_seg_folder(tmp_path / "data", train=3, val=2).root, tmp_path / "out"
    check(root, output)
    assert check(root, output).looked_at.known == 0


@pytest.mark.parametrize(("model", "kept"), [("PP-LiteSeg-T", 3), ("SOLOv2", 2)])
def test_tiny_files_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, kept: int) -> None:
    monkeypatch.setattr(manifest, "_SETTLED_NS", 0)
    root, output = MAKE[model](tmp_path / "data", train=3, val=2).root, tmp_path / "out"
    folders = [root / "images", *([root / "annotations"] if model == "PP-LiteSeg-T" else [])]
    files = zip(*(sorted(folder.iterdir()) for folder in folders), strict=True)
    sizes = sorted(sum(file.stat().st_size for file in own) for own in files)
    monkeypatch.setattr(manifest, "_LEAST_BYTES", sizes[-kept])
    check(root, output, model)
    assert check(root, output, model).looked_at.known == sum(size >= sizes[-kept] for size in sizes)


def test_file_that_changes_while_it_is_looked_at_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "_SETTLED_NS", 0)
    image, mask = str(tmp_path / "image.png"), str(tmp_path / "mask.png")
    for file in (image, mask):
        Path(file).write_bytes(b"before")
    with manifest.opened(tmp_path / "manifest.sqlite", "semantic") as entries:
        entry = entries.find((image, mask))
        assert entries.renewed(entry, {"seen": "before"}, (6, 6)).row is not None
        Path(mask).write_bytes(b"during")
        assert entries.renewed(entry, {"seen": "before"}, (6, 6)).row is None


def test_folder_that_is_exchanged_while_its_files_are_looked_at_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "_SETTLED_NS", 0)
    for folder, content in (("data", b"before"), ("other", b"as old as that")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "image.png").write_bytes(content)
    with manifest.opened(tmp_path / "manifest.sqlite", "instance") as entries:
        entry = entries.find((str(tmp_path / "data/image.png"),))
        (tmp_path / "data").rename(tmp_path / "gone")
        (tmp_path / "other").rename(tmp_path / "data")
        assert entries.renewed(entry, {"seen": "before"}, (6,)).row is None


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def noise(file: Path) -> None:
    file.write_bytes(np.random.default_rng(0).bytes(9000))


def change(statement: str) -> Any:
    def apply(file: Path) -> None:
        connection = sqlite3.connect(file)
        with connection:
            connection.execute(statement)
        connection.close()

    return apply


DAMAGES = {
    "cut": cut,
    "noise": noise,
    "empty": lambda file: file.write_bytes(b""),
    "no table": change("DROP TABLE entries"),
    "no JSON": change("UPDATE entries SET facts = x'7b'"),
    "other JSON": change("UPDATE entries SET facts = CAST('[1, null]' AS BLOB)"),
    "numbers": change("UPDATE entries SET facts = 7"),
    "bytes": change("UPDATE entries SET facts = x'00ff'"),
    "text": change("UPDATE entries SET facts = CAST(facts AS TEXT)"),
    "no counts": change("UPDATE entries SET facts = CAST(replace(facts, 'counts', 'count') AS BLOB)"),
    "another version": change("UPDATE settings SET value = '[0]'"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.usefixtures("old")
def test_damaged_manifest_is_left_aside(tmp_path: Path, damage: str) -> None:
    root, output = make_seg_folder(tmp_path / "data", train=2, val=1).root, tmp_path / "out"
    before = told(check(root, output), output)
    DAMAGES[damage](output / manifest.FILE)

    again = check(root, output)

    assert told(again, output) == before
    assert again.looked_at.known == 0
    assert check(root, output).looked_at.known == 3


@pytest.mark.usefixtures("old")
def test_folder_that_takes_no_manifest_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, output = make_seg_folder(tmp_path / "data", train=2, val=1).root, tmp_path / "out"

    def refused(*_: Any) -> Any:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(manifest, "_make", refused)
    assert check(root, output).valid
    assert not (output / manifest.FILE).exists()


def test_quick_check_says_what_it_did_not_look_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segcli.steps.check.examination.QUICK", 2)
    root, output = make_seg_folder(tmp_path / "data", train=6, val=4).root, tmp_path / "out"
    last = sorted((root / "images").iterdir())[-1]
    cv2.imwrite(str(last), np.zeros((9, 9, 3), np.uint8))

    result = check(root, output, quick=True)

    assert result.as_dict()["looked_at"]["headers_only"] == 6
    assert "damaged data" in result.as_dict()["looked_at"]["not_looked_for_in_headers_only"]
    assert dict(result.summary())["quick check"].startswith("4 of 10 images were decoded, of the others")
    assert "S207" in {found.code for found in result.findings}, "sizes are in the headers"
    assert not {"S401", "S402", "S403", "S410"} & {found.code for found in result.findings}
    whole = check(root, output, quick=False)
    assert whole.as_dict()["looked_at"]["not_looked_for_in_headers_only"] is None
    assert "quick check" not in dict(whole.summary())


def test_quick_check_of_objects_reads_all_annotations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segcli.steps.check.examination.QUICK", 1)
    root, output = make_coco_folder(tmp_path / "data", train=4, val=2).root, tmp_path / "out"
    whole, quick = check(root, output, "SOLOv2"), check(root, output, "SOLOv2", quick=True)
    assert (quick.looked_at.decoded, quick.looked_at.images) == (2, 6)
    assert quick.class_counts == whole.class_counts
    assert quick.size_range == whole.size_range


def test_plan_of_few_samples_is_whole() -> None:
    assert LookPlan.of({Split.TRAIN: "ab", Split.VAL: "c"}, 5).is_whole
    assert LookPlan.of({Split.TRAIN: "abcdef", Split.VAL: "c"}, 3).decoded(Split.TRAIN) == ["a", "c", "e"]
