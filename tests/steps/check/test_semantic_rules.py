"""A whole dataset has no findings; with exactly one fault it has exactly that one, at the right place."""

from __future__ import annotations

import shlex
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.data.samples import SegSample, Split
from segcli.errors import DatasetError
from segcli.steps.check.mask_values import shared_masks
from segcli.steps.check.semantic import examine_seg_dataset
from segcli.steps.check.settings import PassSettings
from tests.seg_folder import SIZE, make_seg_folder


@pytest.fixture
def folder(tmp_path):
    return make_seg_folder(tmp_path / "data")


def found(folder, num_classes=None):
    """The findings, but for images that a test has taken out of the lists and left in their folder."""
    seen = examine_seg_dataset(folder.root, num_classes)
    return [(fault.code, fault.path, fault.location) for fault in seen.findings if fault.code != "S006"]


def ids(folder, name="a1"):
    return cv2.imread(str(folder.mask(name)), cv2.IMREAD_GRAYSCALE)


def write_mask(folder, pixels, name="a1"):
    assert cv2.imwrite(str(folder.mask(name)), pixels)


def append(folder, part, line):
    with (folder.root / f"{part}.txt").open("a", encoding="utf-8") as file:
        file.write(line)


IMAGE, MASK, PLACE = "images/a1.jpg", "annotations/a1.png", "train.txt line 2"


def test_a_whole_dataset_has_no_findings(folder):
    assert found(folder) == []
    assert found(folder, 3) == []


# --- the folder and the lists


def test_s001_no_dataset(tmp_path):
    with pytest.raises(DatasetError) as caught:
        examine_seg_dataset(tmp_path)
    assert [fault.code for fault in caught.value.findings] == ["S001"]


def test_s002_two_datasets(folder):
    shutil.copytree(folder.root, folder.root.parent / "again")
    with pytest.raises(DatasetError) as caught:
        examine_seg_dataset(folder.root.parent)
    assert [fault.code for fault in caught.value.findings] == ["S002"]


@pytest.mark.parametrize("part", ["train", "val"])
def test_s101_list_missing(folder, part):
    (folder.root / f"{part}.txt").unlink()
    assert found(folder) == [("S101", f"{part}.txt", None)]


@pytest.mark.parametrize("text", ["", "\n \n"])
@pytest.mark.parametrize("part", ["train", "val"])
def test_s102_list_empty(folder, part, text):
    (folder.root / f"{part}.txt").write_text(text)
    assert found(folder) == [("S102", f"{part}.txt", None)]


@pytest.mark.parametrize("line", ["images/a0.jpg", "a b c d", "images/a0.jpg\tannotations/a0.png\textra"])
def test_s103_line_unparsable(folder, line):
    append(folder, "train", f"{line}\n")
    assert found(folder) == [("S103", "train.txt", "line 4")]


def test_s104_line_twice(folder):
    append(folder, "train", f"{IMAGE}\t{MASK}\n")
    assert found(folder) == [("S104", "train.txt", "line 4")]


def test_s105_image_with_two_masks(folder):
    append(folder, "train", f"{IMAGE} annotations/a0.png\n")
    assert found(folder) == [("S108", "annotations/a0.png", None), ("S105", "train.txt", "line 4")]


def test_s108_names_each_mask_of_several_images_once(tmp_path):
    pairs = [("a", "1"), ("b", "2"), ("c", "3"), ("d", "3"), ("e", "1"), ("f", "1"), ("b", "2"), ("e", "1")]
    samples = [SegSample(f"{tmp_path}/{image}", f"{tmp_path}/{mask}", 1) for image, mask in pairs]
    assert [(fault.path, fault.message) for fault in shared_masks(samples, tmp_path)] == [
        ("1", "is the mask of 3 images: a, e, f"),
        ("3", "is the mask of 2 images: c, d"),
    ]
    assert not list(shared_masks(samples[:3], tmp_path))


def test_s106_byte_order_mark(folder):
    path = folder.root / "train.txt"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert found(folder) == [("S106", "train.txt", None)]


def test_s107_class_file(folder):
    with (folder.root / "class_name_to_id.txt").open("a") as file:
        file.write("a bird\n")
    assert found(folder) == [("S107", "class_name_to_id.txt", "line 4")]


# --- files and images


def test_s201_image_missing(folder):
    folder.image("a1").unlink()
    assert found(folder) == [("S201", IMAGE, PLACE)]


def test_s202_mask_missing(folder):
    folder.mask("a1").unlink()
    assert found(folder) == [("S202", MASK, PLACE)]


@pytest.mark.parametrize("content", [b"", b"text", b"\xff\xd8\xff\xe0\x00\x10JFIF"])
def test_s203_image_undecodable(folder, content):
    folder.image("a1").write_bytes(content)
    assert found(folder) == [("S203", IMAGE, PLACE)]


def test_s203_image_damaged_inside(folder):
    cv2.imwrite(str(folder.root / "images" / "a1.png"), cv2.imread(str(folder.image("a1"))))
    (folder.root / "train.txt").write_text("images/a1.png annotations/a1.png\n")
    path = folder.root / "images" / "a1.png"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    assert found(folder) == [("S203", "images/a1.png", "train.txt line 1")]


@pytest.mark.parametrize("keep", [0.6, 0.9])
def test_s204_image_cut_off(folder, keep):
    data = folder.image("a1").read_bytes()
    folder.image("a1").write_bytes(data[: int(keep * len(data))])
    assert found(folder) == [("S204", IMAGE, PLACE)]


def test_s205_mask_undecodable(folder):
    folder.mask("a1").write_bytes(b"no mask")
    assert found(folder) == [("S205", MASK, PLACE)]


def test_s206_mask_cut_off(folder):
    folder.mask("a1").write_bytes(folder.mask("a1").read_bytes()[:-20])
    assert found(folder) == [("S206", MASK, PLACE)]


def test_s207_sizes_differ(folder):
    write_mask(folder, ids(folder)[:-1])
    assert found(folder) == [("S207", MASK, PLACE)]


def test_s207_a_image_turned_by_exif_is_explained(folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(folder.image("a1")).save(folder.image("a1"), exif=exif)
    (fault,) = examine_seg_dataset(folder.root).findings
    assert (fault.code, fault.path) == ("S207", MASK)
    assert "EXIF orientation 6" in fault.hint


@pytest.mark.parametrize(
    ("kind", "suffix", "new"), [("image", ".jpg", ".jfif"), ("mask", ".png", ".dat"), ("image", ".jpg", "")]
)
def test_s208_suffix(folder, kind, suffix, new):
    path = folder.image("a1") if kind == "image" else folder.mask("a1")
    path.rename(path.with_suffix(new))
    text = (folder.root / "train.txt").read_text()
    (folder.root / "train.txt").write_text(text.replace(f"a1{suffix}", f"a1{new}"))
    assert found(folder) == [("S208", f"{path.parent.name}/a1{new}", PLACE)]


@pytest.mark.parametrize(
    ("code", "channels", "dtype"), [("S209", 1, "uint8"), ("S210", 4, "uint8"), ("S211", 3, "uint16")]
)
def test_s209_to_s211_images_that_are_not_rgb(folder, code, channels, dtype):
    pixels = np.random.default_rng(0).integers(0, 255, (*SIZE, channels)).astype(dtype)
    cv2.imwrite(str(folder.root / "images" / "a1.png"), pixels)
    text = (folder.root / "train.txt").read_text()
    (folder.root / "train.txt").write_text(text.replace(IMAGE, "images/a1.png"))
    assert found(folder) == [(code, "images/a1.png", PLACE)]
    (told,) = (fault for fault in examine_seg_dataset(folder.root).findings if fault.code == code)
    assert told.severity.value == "info"


def test_s212_tiny_image(folder):
    cv2.imwrite(str(folder.image("a1")), cv2.imread(str(folder.image("a1")))[:31])
    write_mask(folder, ids(folder)[:31])
    assert found(folder) == [("S212", IMAGE, PLACE)]


# --- masks


def test_s301_mask_in_colour(folder):
    write_mask(folder, np.random.default_rng(0).integers(0, 3, (*SIZE, 3), np.uint8))
    assert found(folder) == [("S301", MASK, PLACE)]


def test_s301_a_grey_mask_saved_as_colour_is_told_so(folder):
    write_mask(folder, np.repeat(ids(folder)[..., None], 3, axis=2))
    (fault,) = examine_seg_dataset(folder.root).findings
    assert fault.code == "S301"
    assert "equal" in fault.hint


def test_s302_mask_of_16_bits(folder):
    write_mask(folder, ids(folder).astype(np.uint16))
    assert found(folder) == [("S302", MASK, PLACE)]


def test_s303_mask_as_jpeg(folder):
    cv2.imwrite(str(folder.root / "annotations" / "a1.jpg"), ids(folder))
    text = (folder.root / "train.txt").read_text()
    (folder.root / "train.txt").write_text(text.replace(MASK, "annotations/a1.jpg"))
    assert found(folder) == [("S303", "annotations/a1.jpg", PLACE)]


@pytest.mark.parametrize("class_file", [True, False])
@pytest.mark.parametrize("value", [3, 200, 254])
def test_s304_id_outside_the_classes(tmp_path, class_file, value):
    folder = make_seg_folder(tmp_path / "data", class_file=class_file)
    pixels = ids(folder)
    pixels[0, 0] = value
    write_mask(folder, pixels)
    assert found(folder, None if class_file else 3) == [("S304", MASK, PLACE)]
    fault = examine_seg_dataset(folder.root, 3).findings[0]
    assert fault.message == f"id {value} (1 px); the classes are 0 to 2"


@pytest.mark.parametrize("border", [0, 255])
def test_s305_background_only(folder, border):
    pixels = np.zeros(SIZE, np.uint8)
    pixels[-2:] = border
    write_mask(folder, pixels)
    assert found(folder) == [("S305", MASK, PLACE)]


def test_a_mask_of_one_real_class_is_no_fault(folder):
    (folder.root / "class_name_to_id.txt").write_text("0: land\n1: road\n2: sea\n")
    write_mask(folder, np.zeros(SIZE, np.uint8))
    assert found(folder) == []


def test_s306_ignored_only(folder):
    write_mask(folder, np.full(SIZE, 255, np.uint8))
    assert found(folder) == [("S306", MASK, PLACE)]


# --- classes


def test_s401_class_never_used(folder):
    with (folder.root / "class_name_to_id.txt").open("a") as file:
        file.write("3: bird\n")
    assert found(folder) == [("S401", "class_name_to_id.txt", None)]


@pytest.mark.parametrize(("part", "others"), [("train", ["a3", "a4"]), ("val", ["a0", "a1", "a2"])])
def test_s402_class_in_one_part_only(folder, part, others):
    for name in others:
        pixels = ids(folder, name)
        pixels[pixels == 2] = 1
        write_mask(folder, pixels, name)
    assert found(folder) == [("S402", f"{part}.txt", None)]


def test_s403_ids_with_gaps(tmp_path):
    folder = make_seg_folder(tmp_path / "data", class_file=False)
    for name in ("a0", "a1", "a2", "a3", "a4"):
        pixels = ids(folder, name)
        pixels[pixels == 2] = 7
        write_mask(folder, pixels, name)
    (fault,) = examine_seg_dataset(folder.root).findings
    assert fault.code == "S403"
    assert fault.message == "the masks hold ids up to 7, but not 2, 3, 4, 5, 6"


def test_s404_number_of_classes_disagrees(folder):
    assert found(folder, 2) == [("S404", "class_name_to_id.txt", None)]


def test_s405_names_without_background(tmp_path):
    folder = make_seg_folder(tmp_path / "data", class_file=False)
    (folder.root / "class_name.txt").write_text("cat\ndog\n")
    seen = examine_seg_dataset(folder.root)
    assert [fault.code for fault in seen.findings] == ["S405"]
    assert seen.dataset.classes.names == ("_background_", "cat", "dog")


@pytest.mark.parametrize("class_file", [True, False])
def test_s406_masks_painted_0_and_255(tmp_path, class_file):
    folder = make_seg_folder(tmp_path / "data", class_file=class_file)
    for name in ("a0", "a1", "a2", "a3", "a4"):
        write_mask(folder, np.where(ids(folder, name) == 1, 255, 0).astype(np.uint8), name)
    assert found(folder) == [("S406", "annotations", None)]


# --- the parts


def test_s501_same_image_in_both_parts(folder):
    shutil.copy(folder.image("a1"), folder.image("a4"))
    assert found(folder) == [("S501", "images/a4.jpg", "val.txt line 2")]


def test_s501_same_line_in_both_parts(folder):
    append(folder, "val", f"{IMAGE} {MASK}\n")
    assert found(folder) == [("S501", IMAGE, "val.txt line 3")]


def test_s502_copies_in_one_part(folder):
    shutil.copy(folder.image("a0"), folder.image("a1"))
    assert found(folder) == [("S502", IMAGE, PLACE)]


def test_images_that_differ_only_in_the_middle_are_no_copies(folder):
    names = ("images/a1.bmp", "images/a4.bmp")
    for name, centre in zip(names, (4, 5), strict=True):
        pixels = np.zeros((*SIZE, 3), np.uint8).repeat(6, axis=0).repeat(6, axis=1)
        pixels[140:150] = centre
        cv2.imwrite(str(folder.root / name), pixels)
    write_mask(folder, ids(folder).repeat(6, axis=0).repeat(6, axis=1))
    other = "annotations/other.png"
    (folder.root / other).write_bytes((folder.root / MASK).read_bytes())
    for part, line in (("train", f"{names[0]} {MASK}\n"), ("val", f"{names[1]} {other}\n")):
        (folder.root / f"{part}.txt").write_text(line)
    assert found(folder) == []


# --- all together


def test_all_faults_are_listed_at_once_errors_first(folder):
    folder.image("a0").unlink()
    folder.mask("a1").write_bytes(b"")
    write_mask(folder, np.zeros(SIZE, np.uint8), "a2")
    append(folder, "val", "odd\n")
    seen = examine_seg_dataset(folder.root)
    assert [fault.code for fault in seen.findings][:3] == ["S103", "S201", "S205"]
    assert "S305" in [fault.code for fault in seen.findings]
    assert len(seen.dataset.train) == 2


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_number_of_workers_changes_nothing(tmp_path, workers):
    folder = make_seg_folder(tmp_path / "data", train=40, val=9)
    folder.image("a17").write_bytes(b"")
    seen = examine_seg_dataset(folder.root, settings=PassSettings(workers=workers, draw=3))
    assert [(fault.code, fault.location) for fault in seen.findings] == [("S203", "train.txt line 18")]
    assert seen.tally.images[Split.TRAIN][:3].tolist() == [40, 40, 40]
    assert [sample.line for sample in seen.drawable[Split.TRAIN]] == [1, 2, 3]


def test_real_data_passes(shared):
    seen = examine_seg_dataset(shared("data/SEG"))
    assert seen.findings == ()
    assert len(seen.dataset.classes) == 5
    assert seen.tally.ids() == {0, 1, 2, 3, 4, 255}


def test_noise_in_another_encoding_is_the_same_image(folder):
    """Fine detail makes the small forms of a JPEG and a PNG differ most."""
    noise = np.random.default_rng(1).integers(0, 256, (*SIZE, 3)).astype(np.uint8)
    cv2.imwrite(str(folder.image("a0")), noise)
    cv2.imwrite(str(folder.root / "images/copy.png"), cv2.imread(str(folder.image("a0"))))
    shutil.copyfile(folder.mask("a0"), folder.mask("copy"))
    with (folder.root / "val.txt").open("a", encoding="utf-8") as file:
        file.write("images/copy.png annotations/copy.png\n")
    assert [code for code, path, _ in found(folder) if path == "images/copy.png"] == ["S501"]


def coloured(folder, colours_of):
    """Masks of ids 0 and 1, or 0 and 2, whose palettes are told by the number of the mask."""
    for number in range(5):
        kept, colours = colours_of(number)
        pixels = np.where(ids(folder, f"a{number}") == 1, kept, 0).astype(np.uint8)
        image = Image.fromarray(pixels)
        image.putpalette(np.array(colours, np.uint8).tobytes())
        image.save(folder.mask(f"a{number}"))


def test_adaptive_palettes_of_a_class_each_give_one_id_to_several_colours(folder):
    red, blue = (255, 0, 0), (0, 0, 255)
    coloured(folder, lambda number: (1, [(0, 0, 0), blue if number % 2 else red]))
    assert ("S407", "annotations/a1.png", None) in found(folder)
    coloured(folder, lambda _number: (1, [(0, 0, 0), red]))
    assert "S407" not in {code for code, *_ in found(folder)}
    # palettes of two tools, whose ids are the same: a mask without class 1 keeps class 2
    coloured(folder, lambda number: (1 + number % 2, [(0, 0, 0), (9, 9, number), (7, 7, number)]))
    assert "S407" not in {code for code, *_ in found(folder)}


def test_a_val_of_images_of_train_is_one_finding_whose_remedy_is_a_new_split(folder):
    (folder.root / "val.txt").write_bytes((folder.root / "train.txt").read_bytes())
    found = examine_seg_dataset(folder.root, settings=PassSettings(workers=1)).findings
    (told,) = [one for one in found if one.code == "S501"]
    assert "images of val are images of train" in told.message
    assert told.hint is not None and told.hint.startswith("segcli split ")


def test_a_val_of_copies_in_files_of_their_own_is_moved_away_before_the_split(folder):
    (folder.root / "val.txt").write_text("")
    for name, copy in (("a0", "b0"), ("a1", "b1")):
        shutil.copy(folder.image(name), folder.image(copy))
        shutil.copy(folder.mask(name), folder.mask(copy))
    folder.write_list("val", ["b0", "b1"])
    found = examine_seg_dataset(folder.root, settings=PassSettings(workers=1)).findings
    (told,) = [one for one in found if one.code == "S501"]
    assert told.hint is not None and "once val.txt is moved out of the dataset" in told.hint
    assert "segcli fix" not in told.hint
    (folder.root / "val.txt").rename(folder.root.with_name("val.txt"))
    command = shlex.split(told.hint.partition(" --yes")[0])
    outcome = CliRunner().invoke(main, [*command[1:], "--yes", "--output", str(folder.root.with_name("out"))])
    assert outcome.exit_code == 0, outcome.output


@pytest.mark.parametrize(("named", "expected"), [(True, set()), (False, {"S418"})])
def test_strokes_on_objects_and_background_are_sparse_labels(tmp_path, named, expected):
    folder = make_seg_folder(tmp_path / "data", class_file=named)
    for number in range(5):
        strokes = np.full((48, 64), 255, np.uint8)
        strokes[4 + number, 4:40], strokes[20:22, 5:20], strokes[40, 5:20] = 0, 1, 2
        cv2.imwrite(str(folder.mask(f"a{number}")), strokes)
    found = examine_seg_dataset(folder.root, settings=PassSettings(workers=1)).findings
    assert {one.code for one in found} & {"S418"} == expected
