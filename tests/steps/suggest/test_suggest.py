"""`segcli suggest` on real exported models with random weights."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segcli.cli.main import main
from segcli.data.classes import ClassMap
from segcli.data.detections import Detections
from segcli.data.formats.labelme import read_labelme
from segcli.data.rle import encode
from segcli.errors import InputError, UsageError, WeightsError
from segcli.steps.suggest.command import suggest
from segcli.steps.suggest.instance import matched
from segcli.steps.suggest.look import colours_of
from segcli.steps.suggest.semantic import SemanticLooker, shapes_of
from tests.trained_instance import trained_instance_run
from tests.trained_model import trained_run


@pytest.fixture
def unlabelled(tmp_path) -> Path:
    folder = tmp_path / "new images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(4):
        pixels = rng.integers(0, 256, (48, 64, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"image {number}.png")
    return folder


def _suggest(given, run: Path, output: Path, **more):
    return suggest(
        given if isinstance(given, list) else str(given), run / "run" / "best_model", output, device="cpu", **more
    )


def test_an_image_on_which_the_model_fails_is_told_and_the_others_are_ranked(unlabelled, tmp_path, monkeypatch):
    Image.fromarray(np.full((40, 64, 3), 7, np.uint8)).save(unlabelled / "image 2.png")
    look = SemanticLooker.look

    def refusing(self, rgb):
        if len(rgb) == 40:
            raise WeightsError("takes no such shape")
        return look(self, rgb)

    monkeypatch.setattr(SemanticLooker, "look", refusing)
    found = _suggest(unlabelled, trained_run(), tmp_path / "out", count=3)
    assert len(found.ranked) == 3
    (failed,) = found.failed
    assert failed.input_path.endswith("image 2.png") and "takes no such shape" in failed.message


def test_proposals_of_a_semantic_model_are_a_labelme_dataset(unlabelled, tmp_path):
    (unlabelled / "image 9.png").write_bytes(b"no image")
    found = _suggest(unlabelled, trained_run(), tmp_path / "out", count=3, labelled=trained_run() / "data")
    assert len(found.ranked) == 4 and found.labelled == 2
    assert [one.proposal is not None for one in found.ranked] == [True, True, True, False]
    assert len(found.failed) == 1 and "image 9" in str(found.failed[0].input_path)
    rows = list(csv.DictReader((tmp_path / "out" / "suggest.csv").read_text().splitlines()))
    assert [row["input_path"] for row in rows] == [one.input_path for one in found.ranked]
    for one in found.ranked[:3]:
        labelme, findings = read_labelme(one.proposal, "file")
        assert not findings and labelme.stated_size == (64, 48)
        assert (one.proposal.parent / labelme.image_path).resolve().read_bytes() == Path(one.input_path).read_bytes()
        assert {shape.label for shape in labelme.shapes} <= {"red", "blue"}
        entries = json.loads(one.proposal.read_text())["shapes"]
        assert all(entry["description"].startswith("confidence 0.") for entry in entries)
    assert all(0 <= number <= 1 for one in found.ranked for number in (one.entropy, one.disagreement))
    # so that a dataset that is made of them has the classes in the order of the weights
    assert (found.folder / "label.txt").read_text() == "red\nblue\n"


def test_proposals_join_the_training_list_of_a_dataset(unlabelled, tmp_path):
    data = tmp_path / "set"
    data.mkdir()
    (data / "train_anno_list.txt").write_bytes("labelme/ж.json".encode("utf-16"))
    (data / "labelme").mkdir()
    (data / "labelme" / "ж.json").write_text("{}")
    found = _suggest(unlabelled, trained_run(), tmp_path / "out", count=2, save_dir=data)
    added = [one.proposal.relative_to(data).as_posix() for one in found.ranked if one.proposal]
    lines = (data / "train_anno_list.txt").read_text(encoding="utf-16").splitlines()
    assert lines[0] == "labelme/ж.json" and sorted(lines[1:]) == sorted(added) and len(added) == 2
    assert not (data / "label.txt").exists()  # the dataset has classes of its own


@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_a_list_that_is_not_utf_8_keeps_its_bytes(unlabelled, tmp_path, end):
    data = tmp_path / "set"
    (data / "labelme").mkdir(parents=True)
    (data / "labelme" / "fü.json").write_text("{}")
    content = "labelme/fü.json".encode("cp1252") + end
    (data / "train_anno_list.txt").write_bytes(content)
    _suggest(unlabelled, trained_run(), tmp_path / "out", count=1, save_dir=data)
    now = (data / "train_anno_list.txt").read_bytes()
    assert now.startswith(content) and len(now[len(content) :].strip().splitlines()) == 1


def test_proposals_of_an_instance_model(unlabelled, tmp_path):
    from segcli.config.schema import PredictConfig

    settings = PredictConfig(threshold=0.0)
    found = _suggest(unlabelled, trained_instance_run(), tmp_path / "out", settings=settings)
    assert len(found.ranked) == 4
    labels = {shape.label for one in found.ranked if one.proposal for shape in read_labelme(one.proposal, "")[0].shapes}
    assert labels and labels <= {"кот", "dog"}


def test_images_with_labels_are_known_and_what_is_there_is_kept(unlabelled, tmp_path):
    first = _suggest(unlabelled, trained_run(), tmp_path / "out", count=1, save_dir=tmp_path / "set")
    written = first.ranked[0].proposal
    written.write_text(written.read_text().replace("confidence", "corrected"))
    other, taken = (Path(one.input_path) for one in first.ranked[1:3])
    other.with_suffix(".json").write_text("{}")
    (tmp_path / "set" / "images" / taken.name).write_bytes(b"of another set")
    again = _suggest(unlabelled, trained_run(), tmp_path / "out", count=4, save_dir=tmp_path / "set")
    assert again.labelled == 2  # one in the folder of proposals, one beside its image
    assert {Path(one.input_path) for one in again.ranked} == {taken, Path(first.ranked[3].input_path)}
    assert again.kept == [taken.stem]
    assert "confidence" not in written.read_text()
    assert (tmp_path / "set" / "images" / taken.name).read_bytes() == b"of another set"


def test_training_images_among_the_given_ones_count_once_and_are_not_proposed(unlabelled, tmp_path):
    data = trained_run() / "data"
    learnt = [data / line.split()[0] for line in (data / "train.txt").read_text().splitlines()]
    found = _suggest([*sorted(unlabelled.iterdir()), learnt[0]], trained_run(), tmp_path / "out", labelled=data)
    assert len(learnt) == found.labelled == 2
    assert {Path(one.input_path).parent for one in found.ranked} == {unlabelled}


def test_everything_has_labels(unlabelled, tmp_path):
    for image in unlabelled.glob("*.png"):
        image.with_suffix(".json").write_text("{}")
    found = _suggest(unlabelled, trained_run(), tmp_path / "out")
    assert not found.ranked and "every image has labels" in found.advice


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(InputError, match="none of 1 inputs"):
        _suggest(tmp_path, trained_run(), tmp_path / "out")
    with pytest.raises(UsageError, match="0 images"):
        _suggest(tmp_path, trained_run(), tmp_path / "out", count=0)


def test_the_command(unlabelled, tmp_path, capsys):
    shutil.copytree(trained_run() / "run", tmp_path / "out")
    with pytest.raises(SystemExit) as ended:
        main(["suggest", str(unlabelled), "--output", str(tmp_path / "out"), "--json", "--device", "cpu"])
    assert ended.value.code == 0
    values = json.loads(capsys.readouterr().out)
    assert values["enough"] == sum(one["proposal"] is not None for one in values["ranked"])
    assert (tmp_path / "out" / "suggest_result.json").is_file()


def test_regions_become_shapes_with_their_confidence():
    probabilities = np.zeros((3, 20, 20), np.float32)
    probabilities[0] = 0.6
    probabilities[1, 2:6, 2:6] = 0.7  # a square
    probabilities[2, 8:18, 8:18] = 0.9  # a ring
    probabilities[2, 12:14, 12:14] = 0.0
    square, ring = shapes_of(probabilities, ClassMap(("_background_", "square", "ring")))
    assert square["label"] == "square" and square["shape_type"] == "polygon"
    assert square["points"] == [[2, 2], [6, 2], [6, 6], [2, 6]] and square["description"] == "confidence 0.70"
    assert ring["shape_type"] == "mask" and ring["points"] == [[8, 8], [17, 17]]


def test_images_of_other_bands_have_colours_too():
    bands = np.random.default_rng(0).integers(0, 256, (20, 30, 6), np.uint8)
    assert (colours_of(bands) == colours_of(np.ascontiguousarray(bands[..., :3]))).all()


def test_objects_of_both_views_are_matched_by_class_and_overlap():
    mask = np.zeros((10, 10), np.uint8)
    mask[:4, :4] = 1
    shifted = np.roll(mask, 2, axis=1)
    far = np.roll(mask, 6, axis=0)
    one = Detections(np.array([0.9, 0.6]), np.array([0, 1]), (encode(mask), encode(far)))
    other = Detections(np.array([0.7, 0.2]), np.array([0, 0]), (encode(shifted), encode(far)))
    scores, overlaps = matched(one, other)
    assert scores.tolist() == pytest.approx([0.8, 0.3, 0.1])
    assert overlaps.tolist() == pytest.approx([8 / 24, 0, 0])
    empty = Detections(np.zeros(0), np.zeros(0, int), ())
    assert matched(empty, empty)[0].size == 0 and matched(empty, one)[0].tolist() == pytest.approx([0.45, 0.3])


def test_weights_that_a_training_left_name_their_model(capsys):
    weights = trained_run() / "run" / "best_model" / "model.pdparams"
    with pytest.raises(SystemExit) as ended:
        main(["train", str(trained_run() / "data"), "--weights", str(weights), "--print-config"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "PP-LiteSeg-T" in shown and "--weights" in shown
