from __future__ import annotations

import numpy as np
import pytest
import yaml

from segcli.data import rle
from segcli.data.detections import Detections
from segcli.errors import ExportError, MissingPartError, ParityError
from segcli.inference.decode_objects import ObjectFinder
from segcli.inference.exported_model import ExportedModel
from segcli.inference.instance_input import PreparedImage
from segcli.inference.object_parity import ObjectReference, compare_objects
from segcli.inference.runtimes.choice import open_runtime
from segcli.models.instance.table import SIZED, MaskForm, has_onnx_form
from segcli.steps.export.command import export_weights
from tests.instance_run import configure
from tests.random_instance import save_random_weights
from tests.trained_instance import MODEL, SIDE, trained_instance_run


def test_the_manifest_is_in_paddlexs_words():
    folder = trained_instance_run() / "run/best_model/inference"
    values = yaml.safe_load((folder / "inference.yml").read_text(encoding="utf-8"))
    assert values["Global"] == {"model_name": MODEL}
    assert [entry["type"] for entry in values["Preprocess"]] == ["Resize", "NormalizeImage", "Permute"]
    assert values["Preprocess"][0]["target_size"] == [SIDE, SIDE]
    assert values["label_list"] == ["кот", "dog"]
    assert values["draw_threshold"] == 0.5


def test_the_manifest_is_read_as_it_was_written():
    model = ExportedModel.open(trained_instance_run() / "run/best_model/inference")
    assert model.preprocess == model.card.preprocess
    assert (model.input_size, model.batch_limit, model.threshold) == ((SIDE, SIDE), 1, 0.5)
    assert model.gives_small_masks


@pytest.mark.slow
def test_onnx_finds_the_same(tmp_path, caplog):
    run = trained_instance_run()
    weights = run / "run/best_model/best_model.pdparams"
    settings = {"formats": ["paddle", "onnx", "openvino"], "input_shape": [1, 3, 96, 96]}
    done = export_weights(weights, tmp_path / "out", configure(MODEL, run / "data", tmp_path, Export=settings))
    compared = {entry.file: entry for entry in done.parity}
    assert set(compared) == {"inference.json", "objects.json", "inference.onnx", "inference.xml"}
    assert compared["inference.onnx"].objects > 20
    assert done.input_shape == (1, 3, 96, 96)
    assert f"measured at {SIDE} x {SIDE}, exported at 96 x 96" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Mask-RT-DETR-S", "SOLOv2"])
def test_other_families_find_the_same_in_real_images(name, tmp_path, shared):
    weights = save_random_weights(name, tmp_path / "best_model")
    settings = {"formats": ["paddle", "onnx", "openvino"]}
    config = configure(name, shared("data/INST_nuclei"), tmp_path, Export=settings)
    compared = {entry.file: entry for entry in export_weights(weights, tmp_path / "out", config).parity}
    assert set(compared) == {"inference.json", "objects.json", "inference.onnx", "inference.xml"}
    for entry in compared.values():
        assert entry.objects > 20
        assert entry.found_again > 0.98


@pytest.mark.slow
def test_both_parts_of_an_rcnn_find_the_same_in_real_images(tmp_path, shared):
    name = "MaskRCNN-ResNet50-FPN"
    weights = save_random_weights(name, tmp_path / "best_model")
    config = configure(name, shared("data/INST_nuclei"), tmp_path, Export={"formats": ["paddle", "openvino"]})
    done = export_weights(weights, tmp_path / "out", config)
    compared = {entry.file: entry for entry in done.parity}
    assert set(compared) == {"inference.json", "objects.json", "stem.onnx", "stem.xml"}
    assert compared["stem.onnx"].runtime == "onnxruntime+paddle"
    assert compared["stem.xml"].runtime == "openvino+paddle"
    assert min(entry.found_again for entry in compared.values()) > 0.98
    assert compared["stem.xml"].objects > 20
    model = ExportedModel.open(done.folder)
    assert model.is_split
    for wanted, runtime in (
        ("onnxruntime", "onnxruntime+paddle"),
        ("openvino", "openvino+paddle"),
        ("paddle", "paddle"),
    ):
        assert open_runtime(model, wanted).name == runtime


@pytest.mark.parametrize("shape", [(1, 3, 50, 64), (1, 3, -1, -1), (1, 1, 64, 64)])
def test_inputs_that_the_network_cannot_take_are_refused(tmp_path, shape):
    run = trained_instance_run()
    weights = run / "run/best_model/best_model.pdparams"
    with pytest.raises(ExportError, match="cannot be exported with the input"):
        export_weights(
            weights, tmp_path / "out", configure(MODEL, run / "data", tmp_path, Export={"input_shape": shape})
        )


def test_an_rcnn_that_was_exported_in_one_part_runs_on_paddle_alone(tmp_path):
    name = "MaskRCNN-ResNet50-FPN"
    model = ExportedModel(tmp_path, name, SIZED[name].preprocess(SIDE), (1, 3, -1, -1), ("a",), None)
    assert not model.is_split
    with pytest.raises(MissingPartError, match=r"stem\.onnx"):
        open_runtime(model, "onnxruntime")


def test_rcnn_has_no_onnx_form():
    assert not has_onnx_form("Cascade-MaskRCNN-ResNet50-FPN")
    assert has_onnx_form("SOLOv2")
    assert has_onnx_form("PP-LiteSeg-T")


IMAGE = PreparedImage(np.zeros((1, 3, 8, 8), np.float32), (8, 8), (40, 40))


def finder(*objects):
    """A network that says the same of every image; (score, class, left) of squares of 10 px."""
    masks = []
    for _, _, left in objects:
        mask = np.zeros((40, 40), np.uint8)
        mask[10:20, left : left + 10] = 1
        masks.append(rle.encode(mask))
    found = Detections(
        np.array([score for score, _, _ in objects]),
        np.array([class_id for _, class_id, _ in objects]),
        tuple(masks),
        np.array([[left, 10, left + 10, 20] for _, _, left in objects], float),
    )

    class Fixed(ObjectFinder):
        def __call__(self, images, threshold=0.0):
            return [found for _ in images]

    return Fixed(detect=lambda feeds: [np.zeros((len(objects), 6), np.float32)], form=MaskForm.PROTOTYPES)


def compare(theirs, tmp_path):
    reference = ObjectReference.of(finder((0.9, 0, 2), (0.6, 1, 20)), [IMAGE])
    return compare_objects(theirs, "paddle", tmp_path / "x.json", reference, 1e-3)


def test_the_order_of_objects_does_not_matter(tmp_path):
    parity = compare(finder((0.6, 1, 20), (0.9002, 0, 2)), tmp_path)
    assert parity.found_again == 1
    assert parity.max_score_diff == pytest.approx(2e-4)
    assert parity.mean_mask_iou == 1


def test_where_nothing_is_found_objects_at_the_limit_of_the_scores_are_no_difference(tmp_path):
    reference = ObjectReference.of(finder(), [IMAGE])
    parity = compare_objects(finder((0.01, 0, 2)), "paddle", tmp_path / "x.json", reference, 1e-3)
    assert not parity.proves
    with pytest.raises(ParityError, match="shapes"):
        compare_objects(finder((0.3, 0, 2)), "paddle", tmp_path / "x.json", reference, 1e-3)


def test_ties_may_fall_either_way_but_not_many(tmp_path):
    """Of eleven objects one is replaced by another of its score that overlaps it, 2 px away."""
    apart = [(0.9 - 0.05 * number, 0, 3 * number) for number in range(10)]
    reference = ObjectReference.of(finder(*apart, (0.05, 1, 20)), [IMAGE])
    parity = compare_objects(finder(*apart, (0.05, 1, 22)), "paddle", tmp_path / "x.json", reference, 1e-3)
    assert parity.found_again == pytest.approx(10 / 11)
    assert parity.tied == pytest.approx(1 / 11)
    assert "tied" in parity.summary()
    for wrong in ((0.05, 1, 29), (0.07, 1, 22), (0.05, 0, 22)):
        with pytest.raises(ParityError, match="disagrees"):
            compare_objects(finder(*apart, wrong), "paddle", tmp_path / "x.json", reference, 1e-3)


def test_many_ties_are_refused_with_what_a_user_can_do(tmp_path):
    reference = ObjectReference.of(finder((0.05, 0, 2), (0.05, 0, 20)), [IMAGE])
    with pytest.raises(ParityError) as caught:
        compare_objects(finder((0.05, 0, 4), (0.05, 0, 22)), "paddle", tmp_path / "x.json", reference, 1e-3)
    assert "Export.verify=false" in caught.value.hint


@pytest.mark.parametrize(
    "wrong", [((0.9, 0, 2),), ((0.9, 0, 2), (0.5, 1, 20)), ((0.9, 0, 2), (0.6, 0, 20)), ((0.9, 0, 2), (0.6, 1, 23))]
)
def test_lost_or_changed_objects_are_refused(tmp_path, wrong):
    with pytest.raises(ParityError, match="disagrees"):
        compare(finder(*wrong), tmp_path)
