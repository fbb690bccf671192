"""Lists, class files and the folder of a semantic dataset."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest

from segcli.data.formats.masks import find_root, open_seg_dataset, scan_lists, scan_seg_dataset
from segcli.data.id_counts import count_ids, present_ids, present_ids_of_each
from segcli.data.lists import split_line
from segcli.data.palette import palette
from segcli.data.samples import Split
from segcli.errors import DatasetError
from tests.seg_folder import NAMES, make_seg_folder


@pytest.fixture
def folder(tmp_path):
    return make_seg_folder(tmp_path / "data")


def codes(root, num_classes=None):
    return [(fault.code, fault.path, fault.location) for fault in scan_seg_dataset(root, num_classes)[1]]


def test_a_whole_dataset_has_no_faults(folder):
    dataset, findings = scan_seg_dataset(folder.root)
    assert findings == []
    assert dataset.classes.names == NAMES
    assert (len(dataset.samples(Split.TRAIN)), len(dataset.samples(Split.VAL))) == (3, 2)
    assert dataset.train[1].line == 2
    assert dataset.train[1].mask == folder.mask("a1")


def test_the_root_may_lie_deeper(folder):
    (folder.root / "images" / "images").mkdir()
    assert find_root(folder.root) == folder.root
    assert find_root(folder.root.parent) == folder.root


def test_two_datasets_are_not_guessed_between(folder):
    shutil.copytree(folder.root, folder.root.parent / "other")
    with pytest.raises(DatasetError, match="data, other") as caught:
        open_seg_dataset(folder.root.parent)
    assert [fault.code for fault in caught.value.findings] == ["S002"]


@pytest.mark.parametrize("what", ["absent", "empty"])
def test_no_dataset(tmp_path, what):
    if what == "empty":
        (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="no dataset") as caught:
        open_seg_dataset(tmp_path / what)
    assert [fault.code for fault in caught.value.findings] == ["S001"]


@pytest.mark.parametrize(
    "line",
    [
        "images/my cat.jpg annotations/my cat.png",
        "images/my cat.jpg\tannotations/my cat.png",
        "images/my cat.jpg \t annotations/my cat.png  ",
        "images\\my cat.jpg annotations\\my cat.png",
        "images/my cat.jpg   annotations/my cat.png",
    ],
)
def test_blanks_in_names_and_tabs_between(folder, line):
    shutil.copy(folder.image("a0"), folder.image("my cat"))
    shutil.copy(folder.mask("a0"), folder.mask("my cat"))
    (folder.root / "train.txt").write_text(f"\n{line}\r\n\n", encoding="utf-8")
    (sample,) = open_seg_dataset(folder.root).train
    assert (sample.image, sample.mask, sample.line) == (folder.image("my cat"), folder.mask("my cat"), 2)


def test_a_missing_file_with_blanks_is_named_whole(folder):
    shutil.copy(folder.mask("a0"), folder.mask("my cat"))
    assert split_line(folder.root, "images/my cat.jpg annotations/my cat.png") == (
        "images/my cat.jpg",
        "annotations/my cat.png",
    )
    assert split_line(folder.root, "images/no dog.jpg annotations/no dog.png") == (
        "images/no dog.jpg",
        "annotations/no dog.png",
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030", "cp1252"])
def test_other_encodings_are_read_and_reported(folder, encoding):
    name = "猫狗" if encoding == "gb18030" else "über é"
    shutil.copy(folder.image("a0"), folder.image(name))
    shutil.copy(folder.mask("a0"), folder.mask(name))
    (folder.root / "val.txt").write_text(f"images/{name}.jpg annotations/{name}.png\n", encoding=encoding)
    dataset, findings = scan_seg_dataset(folder.root)
    assert [(fault.code, fault.path) for fault in findings] == [("S106", "val.txt")]
    assert dataset.val[0].image == folder.image(name)


def test_open_lists_the_faults(folder):
    folder.image("a0").unlink()
    folder.mask("a4").unlink()
    with pytest.raises(DatasetError, match=r"S201 images/a0\.jpg:train\.txt line 1") as caught:
        open_seg_dataset(folder.root)
    assert [fault.code for fault in caught.value.findings] == ["S201", "S202"]
    assert caught.value.exit_code == 3


def test_the_names_win_over_a_number_of_classes(folder):
    assert len(open_seg_dataset(folder.root, 5).classes) == 3
    assert len(open_seg_dataset(folder.root, 3).classes) == 3


def test_without_names_classes_are_numbered(tmp_path):
    root = make_seg_folder(tmp_path / "data", class_file=False).root
    assert open_seg_dataset(root).classes.names == ("class_0", "class_1", "class_2")
    assert len(open_seg_dataset(root, 4).classes) == 4


def test_an_unreadable_mask_stops_the_numbering(tmp_path):
    folder = make_seg_folder(tmp_path / "data", class_file=False)
    folder.mask("a1").write_bytes(b"no mask")
    with pytest.raises(DatasetError) as caught:
        open_seg_dataset(folder.root)
    assert [(fault.code, fault.path) for fault in caught.value.findings] == [("S205", "annotations/a1.png")]


@pytest.mark.parametrize(
    ("file", "text", "names", "found"),
    [
        ("class_name_to_id.txt", "0: land\n1: road: wide\n255: __ignore__\n", ("land", "road: wide"), []),
        ("class_name_to_id.txt", "2 dog\n1\tcat\n", ("_background_", "cat", "dog"), []),
        ("class_name_to_id.txt", "0: a\n3: b\n", ("a", "class_1", "class_2", "b"), ["S107"]),
        ("class_name_to_id.txt", "0: a\n0: b\n1: a\nx\n1: c\n", ("a", "c"), ["S107"] * 3),
        ("label.txt", "__ignore__\n_background_\ncat\ndog\n", ("_background_", "cat", "dog"), []),
        ("label.txt", "cat\n_background_\ndog\n", ("_background_", "cat", "dog"), []),
        ("class_name.txt", "background\ncat\ndog\n", ("background", "cat", "dog"), []),
        ("class_name.txt", "sky\ncat\ndog\n", ("sky", "cat", "dog"), ["S405"]),
        ("class_name.txt", "cat\ndog\n", ("_background_", "cat", "dog"), ["S405"]),
    ],
)
def test_class_files(tmp_path, file, text, names, found):
    root = make_seg_folder(tmp_path / "data", class_file=False).root
    (root / file).write_text(text, encoding="utf-8")
    dataset, findings = scan_seg_dataset(root)
    assert dataset.classes.names == names
    assert [fault.code for fault in findings] == found


def test_the_configured_number_settles_whether_there_is_a_background(tmp_path):
    root = make_seg_folder(tmp_path / "data", class_file=False).root
    (root / "class_name.txt").write_text("a\nb\nc\n")
    assert scan_seg_dataset(root, 3)[0].classes.names == ("a", "b", "c")
    dataset, findings = scan_seg_dataset(root, 4)
    assert dataset.classes.names == ("_background_", "a", "b", "c")
    assert findings == []


def test_another_ignored_value_is_kept(folder):
    (folder.root / "class_name_to_id.txt").write_text("0: a\n1: b\n2: c\n254: __ignore__\n")
    assert scan_seg_dataset(folder.root)[0].classes.ignore_index == 254


def test_counts_of_ids(folder):
    mask = cv2.imread(str(folder.mask("a0")), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(count_ids(mask), np.bincount(mask.reshape(-1), minlength=256))


@pytest.mark.parametrize("side", [1, 50, 90])
def test_counts_of_small_and_large_masks(side):
    mask = np.random.default_rng(side).choice(np.array([0, 3, 254, 255], np.uint8), (side, side))
    counts = count_ids(mask)
    assert counts.dtype == np.int64 and counts.tolist() == [np.count_nonzero(mask == id_) for id_ in range(256)]
    ids, pixels = np.unique(mask, return_counts=True)
    assert present_ids(counts) == (bytes(ids.tolist()), tuple(pixels.tolist()))


@pytest.mark.parametrize("block", [1, 5, 8, 60])
def test_counts_of_large_masks_of_blocks_wherever_they_begin(block):
    rng = np.random.default_rng(block)
    small = rng.choice(np.array([0, 1, 7, 255], np.uint8), (-(-400 // block), -(-333 // block)))
    mask = cv2.resize(small, None, fx=block, fy=block, interpolation=cv2.INTER_NEAREST)[:400, :333]
    for part in (mask, mask[3:], mask[:, 5:], mask[:, ::-1], np.ascontiguousarray(mask)[3:], mask[:301]):
        assert count_ids(part).tolist() == [np.count_nonzero(part == id_) for id_ in range(256)]


def test_counts_above_what_a_float_holds_are_exact():
    mask = np.zeros((4801, 5000), np.uint8)
    mask[:, ::4] = 1
    mask[0, 0] = 0
    assert count_ids(mask)[:2].tolist() == [3 * 4801 * 1250 + 1, 4801 * 1250 - 1]


def test_counts_of_several_masks_are_those_of_each():
    rng = np.random.default_rng(0)
    masks = [rng.choice(np.array([0, 3, 255], np.uint8), rng.integers(1, 20, 2)) for _ in range(20)]
    for some in (masks, masks[:1], [np.minimum(mask, 9) for mask in masks], [mask * 0 for mask in masks]):
        assert present_ids_of_each(some) == [present_ids(count_ids(mask)) for mask in some]
    assert present_ids_of_each([]) == []


def test_real_data(shared):
    dataset, findings = scan_seg_dataset(shared("data/SEG"))
    assert findings == []
    assert dataset.classes.names == ("land", "building", "road", "vegetation", "water")
    assert (len(dataset.train), len(dataset.val)) == (56, 16)
    assert len(palette(len(dataset.classes))) == 5


def test_images_without_any_mask_are_not_sent_to_be_split(tmp_path):
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images/a.png"), np.zeros((8, 8, 3), np.uint8))
    (fault,) = scan_lists(find_root(tmp_path)).findings
    assert fault.code == "S101" and "no folder of masks" in fault.message
    assert "split" not in fault.hint and "a mask of the same name" in fault.hint
