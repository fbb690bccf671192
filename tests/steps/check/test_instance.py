"""The check of instance data as a command: counts, files and names, with every image opened."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from segcli.config.schema import Config
from segcli.data import rle
from segcli.data.classes import ClassMap
from segcli.data.instances import InstanceObject, InstanceSample
from segcli.data.palette import object_palette
from segcli.data.samples import Split
from segcli.data.traced_mask import TracedMask
from segcli.errors import ConfigError, DatasetError
from segcli.report.objects import DrawnObject, draw_objects
from segcli.steps.check import instance
from segcli.steps.check.command import check_dataset
from segcli.steps.check.instance import ObjectTally, examine_coco_dataset
from segcli.steps.check.settings import PassSettings
from tests.coco_folder import NAMES, make_coco_folder


def config(root, output, **check):
    model = {
        "model": "MaskRCNN-ResNet50-FPN",
        "output": str(output),
        "dataset_dir": None if root is None else str(root),
    }
    return Config.model_validate({"Global": model, "CheckDataset": {"demo_images": 2, **check}})


@pytest.fixture
def folder(tmp_path):
    return make_coco_folder(tmp_path / "data")


def test_counts_as_paddlex_and_by_their_names(folder, tmp_path):
    folder.parts["train"]["annotations"] = folder.parts["train"]["annotations"][2:]
    folder.entry("train")["iscrowd"] = 1
    folder.write()
    result = check_dataset(config(folder.root, tmp_path / "output"))
    values = result.as_dict()
    assert values["check_pass"] is True
    assert (values["dataset_type"], values["show_type"]) == ("COCOInstSegDataset", "image")
    attributes = values["attributes"]
    assert (attributes["train_samples"], attributes["val_samples"], attributes["num_classes"]) == (4, 4, 2)
    assert (attributes["train_annotations"], attributes["train_crowds"]) == (4, 1)
    assert (attributes["train_images"], attributes["train_images_without_objects"]) == (3, 1)
    assert attributes["val_objects_by_size"] == {"small": 4, "medium": 0, "large": 0}
    assert (attributes["class_names"], attributes["category_ids"]) == (list(NAMES), [3, 7])
    assert values["analysis"]["classes"][0] == {
        "id": 0, "name": NAMES[0], "train_objects": 2, "train_images": 2, "val_objects": 2, "val_images": 2,
    }  # fmt: skip
    assert ("samples", "3 train, 2 val") in result.summary()
    assert ("annotations", "4 train, 4 val") in result.summary()


def test_everything_the_result_names_exists(folder, tmp_path):
    output = tmp_path / "output"
    values = check_dataset(config(folder.root, output)).as_dict()
    drawn = [*values["attributes"]["train_sample_paths"], *values["attributes"]["val_sample_paths"]]
    assert [Path(path).name for path in drawn] == [
        "train_0_a0.jpg", "train_1_a1.jpg", "val_0_a3.jpg", "val_1_a4.jpg",
    ]  # fmt: skip
    assert all((output / path).is_file() for path in (*drawn, values["analysis"]["histogram"], values["report"]))
    page = (output / values["report"]).read_text(encoding="utf-8")
    assert '<th class="number">train objects</th>' in page
    assert NAMES[0] in page
    assert page.count("data:image/") == 5


def test_faults_are_in_the_result_not_raised(folder, tmp_path):
    folder.image("a0").unlink()
    result = check_dataset(config(folder.root, tmp_path / "output"))
    assert not result.valid
    assert ("C111", "image missing: 1") in result.summary()
    with pytest.raises(DatasetError):
        check_dataset(config(tmp_path / "absent", tmp_path / "output"))
    with pytest.raises(ConfigError, match="no dataset was given"):
        check_dataset(config(None, tmp_path / "output"))


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_workers_changes_nothing(tmp_path, workers):
    folder = make_coco_folder(tmp_path / "data", train=30)
    folder.image("a17").write_bytes(b"")
    seen = examine_coco_dataset(folder.root, settings=PassSettings(workers=workers, draw=3))
    found = [(fault.code, fault.path) for fault in seen.findings if fault.code not in ("C167", "C168")]
    assert found == [("C112", "images/a17.png")]
    assert seen.tally.objects[Split.TRAIN].tolist() == [30, 30]
    assert [sample.image_id for sample in seen.drawable[Split.TRAIN]] == [0, 1, 2]


@pytest.mark.parametrize("name", ["INST", "INST_nuclei"])
def test_real_data_passes(shared, name):
    seen = examine_coco_dataset(shared(f"data/{name}"))
    assert seen.findings == ()
    assert seen.tally.objects[Split.TRAIN].sum() == seen.scan.counts[Split.TRAIN].annotations


def test_objects_are_drawn_where_they_are():
    rgb = np.full((40, 60, 3), 100, np.uint8)
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 20:50] = 1
    drawn = draw_objects(
        rgb,
        [DrawnObject(TracedMask(rle.encode(mask)), (20, 10, 50, 30), 1, "b")],
        ClassMap(("a", "b")),
        alpha=0.5,
        scale=2,
    )
    colour = object_palette(2)[1]
    assert drawn.shape[0] > 80
    np.testing.assert_allclose(drawn[50, 80], 50 + colour / 2, atol=1)
    np.testing.assert_array_equal(drawn[59, 60], colour)
    np.testing.assert_array_equal(drawn[70, 20], [100, 100, 100])
    assert (rgb == 100).all()


def test_the_check_does_not_import_paddle(folder):
    code = (
        "import sys; from pathlib import Path; from segcli.steps.check.instance import examine_coco_dataset;"
        f"examine_coco_dataset(Path({str(folder.root)!r})); sys.exit('paddle' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_command_imports_no_yaml_where_no_file_is_in_it(folder, tmp_path):
    words = ["segcli", "check", str(folder.root), "--output", str(tmp_path / "output")]
    code = (
        f"import sys, runpy; sys.argv = {words!r}\n"
        "try: runpy.run_module('segcli', run_name='__main__')\n"
        "finally: print('yaml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "False"


def test_a_image_of_another_kind_is_drawn_in_colour(folder, tmp_path):
    cv2.imwrite(str(folder.image("a0")), np.full((48, 64), 90, np.uint8))
    result = check_dataset(config(folder.root, tmp_path / "output", demo_images=1))
    drawn = cv2.imread(str(tmp_path / "output" / result.sample_paths[Split.TRAIN][0]))
    assert (drawn.max(axis=2) > drawn.min(axis=2) + 60).any()


def test_images_are_decoded_and_compared_in_threads_while_the_rules_on_all_objects_run(tmp_path, monkeypatch):
    """What runs between the images, or after them, is done by one core while the others wait."""
    make_coco_folder(tmp_path, train=40, val=8)
    this, outlined, decoded_by_then = threading.get_ident(), [], []
    borders, rules, decode = instance.borders_of_objects, instance.dataset_findings, instance.inspect_image_file
    decoded = []

    def borders_of_objects(sample):
        outlined.append(threading.get_ident())
        return borders(sample)

    def inspect_image_file(path, **settings):
        decoded.append(path)
        return decode(path, **settings)

    def dataset_findings(*given):
        decoded_by_then.append(len(decoded))
        return rules(*given)

    monkeypatch.setattr(instance, "borders_of_objects", borders_of_objects)
    monkeypatch.setattr(instance, "inspect_image_file", inspect_image_file)
    monkeypatch.setattr(instance, "dataset_findings", dataset_findings)
    examine_coco_dataset(tmp_path, settings=PassSettings(workers=2))
    assert len(decoded) == 48
    assert outlined and this not in outlined
    assert len(decoded_by_then) == 1 and decoded_by_then[0] < 48


def test_images_are_counted_together_as_one_by_one() -> None:
    def sample(number: int, *objects: tuple[int, float]) -> InstanceSample:
        outlined = tuple(InstanceObject(1, class_id, (0, 0, 1, 1), area, ()) for class_id, area in objects)
        return InstanceSample(Path(f"{number}.jpg"), number, 640, 480, outlined)

    tally = ObjectTally(4)
    tally.update([sample(0, (2, 50.0), (0, 5000.0), (2, 1024.0)), sample(1), sample(2, (0, 20_000.0))], Split.TRAIN)
    tally.update([], Split.VAL)
    assert tally.objects[Split.TRAIN].tolist() == [2, 0, 2, 0]
    assert tally.images[Split.TRAIN].tolist() == [2, 0, 1, 0]
    assert tally.by_size[Split.TRAIN].tolist() == [1, 2, 1]
    assert tally.together.tolist() == [[2, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    assert not tally.objects[Split.VAL].any()
