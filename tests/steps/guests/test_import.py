from __future__ import annotations

import logging

import cv2
import numpy as np
import pytest

from segcli.errors import ConfigError, UsageError, WeightsError
from segcli.implied import model_of_known_weights
from segcli.inference.exported_model import ExportedModel
from segcli.promptable.guest import SamGuest
from segcli.steps.guests.command import import_guest, listed
from segcli.steps.predict.model import create_model
from tests.images import make_seg_dataset
from tests.trained_model import make_config

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper

from tests.onnx_models import (
    channel_model,
    constant_model,
    save,
    semantic_guest,
    tensor,
    write_card,
)

COLOURS = {"name": "colours", "task": "semantic", "classes": ["red", "green", "blue"], "output": {"kind": "logits"}}


@pytest.fixture
def stripes(tmp_path):
    """Red, green and blue, 20 columns each; the file is BGR as OpenCV writes it."""
    image = np.zeros((40, 60, 3), np.uint8)
    for channel in range(3):
        image[:, 20 * channel : 20 * channel + 20, 2 - channel] = 200
    cv2.imwrite(str(tmp_path / "s.png"), image)
    return tmp_path / "s.png"


def labels(folder, image, **settings):
    model = create_model(ExportedModel.open(folder).model_name, folder, **settings)
    (result,) = model.predict(str(image))
    return result.labels


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_a_guest_answers_like_our_own_on_each_runtime(tmp_path, stripes, runtime):
    pytest.importorskip(runtime)
    folder = semantic_guest(tmp_path)
    found = labels(folder, stripes, runtime=runtime)
    assert found.shape == (40, 60)
    assert [found[:, 20 * c : 20 * c + 20].tolist() for c in range(3)] == [[[c] * 20] * 40 for c in range(3)]


@pytest.mark.parametrize(
    ("card", "red_is"),
    [
        ({"input": {"channels": "BGR"}}, 2),
        ({"input": {"white": 255, "mean": [0, 0, 0], "std": [1, 1, 1]}}, 0),
        ({"input": {"mean": [3, 0, 0]}}, 1),
        ({"input": {"channels": "BGR", "mean": [3, 0, 0]}}, 2),
        ({"input": {"stride": 16, "size": None}}, 0),
        ({"input": {"size": [32, 48], "resize": "corner"}}, 0),
        ({"output": {"kind": "logits", "activation": "softmax"}}, 0),
    ],
)
def test_channels_mean_and_size_are_as_the_card_says(tmp_path, stripes, card, red_is):
    found = labels(semantic_guest(tmp_path, **card), stripes)
    assert found.shape == (40, 60)
    assert found[20, 10] == red_is


def test_an_input_of_bytes_with_channels_last_and_ids(tmp_path, stripes):
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ArgMax", ["f"], ["y"], axis=3, keepdims=0),
    ]
    inputs = [tensor("x", ["n", "h", "w", 3], TensorProto.UINT8)]
    network = save(tmp_path / "m.onnx", nodes, inputs, [tensor("y", ["n", "h", "w"], TensorProto.INT64)])
    card = write_card(
        tmp_path / "c.yaml", **{**COLOURS, "input": {"layout": "NHWC", "white": 255}, "output": {"kind": "labels"}}
    )
    folder = import_guest(network, card, tmp_path / "g").folder
    found = labels(folder, stripes, runtime="onnxruntime")
    assert [found[20, x] for x in (5, 25, 45)] == [0, 1, 2]


def test_one_channel_is_the_second_class_from_the_threshold_on(tmp_path, stripes):
    nodes = [helper.make_node("Slice", ["x", "zero", "one", "one"], ["y"])]
    constants = [("zero", np.array([0])), ("one", np.array([1]))]
    inputs, outputs = [tensor("x", [1, 3, "h", "w"])], [tensor("y", [1, 1, "h", "w"])]
    network = save(tmp_path / "m.onnx", nodes, inputs, outputs, constants)
    output = {"kind": "binary", "threshold": 0.7}
    card = write_card(tmp_path / "c.yaml", **{**COLOURS, "classes": ["rest", "red"], "output": output})
    found = labels(import_guest(network, card, tmp_path / "g").folder, stripes)
    assert found[20, 10] == 1 and found[20, 30] == 0  # 200 of 255 is 0.78


def test_evaluation_takes_the_folder_and_the_classes(tmp_path, monkeypatch):
    from segcli.steps.evaluate.command import evaluate

    data = make_seg_dataset(tmp_path / "data", train=1, val=2)
    folder = semantic_guest(tmp_path, classes=["_background_", "red", "blue"])
    config = make_config(tmp_path / "out", data, model="ONNX-Semantic", Evaluate={"weight_path": str(folder)})
    result = evaluate(config)
    assert result.as_dict()["metrics"]["mIoU"] >= 0
    assert result.as_dict()["model_name"] == "colours" and ("model", "colours") in result.summary()
    assert result.runtime in ("onnxruntime", "openvino")
    other = semantic_guest(tmp_path / "other")
    with pytest.raises(WeightsError, match="classes"):
        evaluate(make_config(tmp_path / "out2", data, model="ONNX-Semantic", Evaluate={"weight_path": str(other)}))


def test_imported_models_are_found_by_their_names(tmp_path, stripes, monkeypatch):
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path / "cache"))
    assert listed() == []
    card = write_card(tmp_path / "c.yaml", **COLOURS, licence="MIT")
    done = import_guest(channel_model(tmp_path / "m.onnx"), card)
    assert listed() == [("colours", "semantic", "MIT", str(done.folder))]
    assert labels(done.folder, stripes).shape == (40, 60)
    assert create_model("ONNX-Semantic", "colours").class_names == ("red", "green", "blue")
    assert model_of_known_weights("colours") == {"Global.model": ("--weights", "ONNX-Semantic")}
    with pytest.raises(WeightsError, match="no such weight file"):
        model_of_known_weights("colors")
    (done.folder / "inference.yml").write_text("Guest: {}")
    assert listed()[0][1] == "damaged"


def test_a_runtime_that_disagrees_is_not_used(tmp_path, stripes, monkeypatch):
    pytest.importorskip("openvino")
    from segcli.inference.runtimes.openvino_runtime import OpenVinoRuntime

    honest = OpenVinoRuntime.run_named
    monkeypatch.setattr(OpenVinoRuntime, "run_named", lambda self, inputs: [1.5 * one for one in honest(self, inputs)])
    folder = semantic_guest(tmp_path)
    model = create_model("ONNX-Semantic", folder)
    assert model.predictor.runtime.name == "onnxruntime"
    with pytest.raises(Exception, match="other answers than onnxruntime"):
        create_model("ONNX-Semantic", folder, runtime="openvino")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ["red", "green"]}, r"gives \[1, 3, .*\], its card describes \[N, 2, h, w\]"),
        ({"output": {"kind": "labels"}}, r"its card describes \[N, h, w\]"),
    ],
)
def test_what_the_network_says_must_be_what_the_card_says(tmp_path, change, message):
    card = write_card(tmp_path / "c.yaml", **{**COLOURS, **change})
    with pytest.raises(WeightsError, match=message):
        import_guest(channel_model(tmp_path / "m.onnx"), card, tmp_path / "g")
    assert not (tmp_path / "g").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": {"name": "image"}}, "there is no 'image'"),
        ({"input": {"channels": "GREY"}}, "the network takes x"),
        ({"input": {"size": [32, 40]}}, "the network takes 32 x 32"),
        ({"input": {"mean": [1.0]}}, "mean has 1 values"),
        ({"input": {"chanels": "RGB"}}, "Extra inputs"),
        ({"output": {"kind": "yolo"}}, "none of semantic's"),
        ({"output": {"kind": "logits", "names": ["z"]}}, "there is no 'z'"),
        ({"classes": ["a", "a"]}, "the same name"),
        ({"classes": []}, "classes are missing"),
    ],
)
def test_a_card_with_faults_is_refused_before_anything_is_written(tmp_path, change, message):
    card = write_card(tmp_path / "c.yaml", **{**COLOURS, **change})
    with pytest.raises(ConfigError) as caught:
        import_guest(channel_model(tmp_path / "m.onnx", size=(32, 32)), card, tmp_path / "g")
    assert any(message in f"{fault.message}" for fault in caught.value.faults), caught.value.faults
    assert not (tmp_path / "g").exists()


def test_files_that_are_no_models_are_named(tmp_path):
    card = write_card(tmp_path / "c.yaml", **COLOURS)
    (tmp_path / "x.onnx").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="cannot be opened as an ONNX model"):
        import_guest(tmp_path / "x.onnx", card, tmp_path / "g")
    with pytest.raises(WeightsError, match="no such file"):
        import_guest(tmp_path / "y.onnx", card, tmp_path / "g")
    with pytest.raises(UsageError, match="cannot be read"):
        import_guest(tmp_path / "x.onnx", tmp_path / "none.yaml", tmp_path / "g")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("years")
    with pytest.raises(UsageError, match="something else"):
        import_guest(channel_model(tmp_path / "m.onnx"), card, tmp_path / "full")


def test_a_guest_cannot_be_trained(tmp_path):
    from segcli.steps.train.command import train

    data = make_seg_dataset(tmp_path / "data", train=1, val=1)
    with pytest.raises(UsageError, match="cannot be trained"):
        train(make_config(tmp_path / "out", data, model="ONNX-Semantic"))


def test_yolo_like_objects_lie_where_they_were_letterboxed(tmp_path, caplog):
    """An image 100 x 50 in an input of 64: the object fills the left half of the image."""
    rows = np.zeros((1, 4 + 2 + 2, 3), np.float32)
    rows[0, :, 0] = [16, 32, 32, 32, 0.1, 0.9, 1, 0]  # the left half of the band that the image fills
    rows[0, :, 1] = [17, 32, 32, 32, 0.1, 0.6, 1, 0]  # the same again
    rows[0, :, 2] = [48, 32, 16, 16, 0.7, 0.1, 0, 1]
    prototypes = np.full((1, 2, 16, 16), -5, np.float32)
    prototypes[0, 0, 4:12, :8] = prototypes[0, 1, 4:12, 8:] = 5
    network = constant_model(tmp_path / "m.onnx", {"o": rows, "p": prototypes}, 64)
    card = write_card(
        tmp_path / "c.yaml",
        name="yolo",
        task="instance",
        classes=["cat", "dog"],
        input={"size": [64, 64], "resize": "letterbox", "pad": 114},
        output={"kind": "yolo"},
    )
    folder = import_guest(network, card, tmp_path / "g").folder
    image = np.zeros((50, 100, 3), np.uint8)
    (result,) = create_model("ONNX-Instance", folder, runtime="onnxruntime").predict(image)
    assert [(box["label"], round(box["score"], 2)) for box in result["boxes"]] == [("dog", 0.9), ("cat", 0.7)]
    assert np.allclose(result["boxes"][0]["coordinate"], [0, 0, 50, 50], atol=1)
    assert np.allclose(result["boxes"][1]["coordinate"], [62.5, 12.5, 87.5, 37.5], atol=1)
    assert np.array(result["masks"][0]).mean() > 0.95
    low = create_model("ONNX-Instance", folder, runtime="onnxruntime", threshold=0.8)
    assert len(next(low.predict(image))["boxes"]) == 1


@pytest.mark.parametrize("size", [(96, 48), (48, 96)])
def test_images_fit_into_an_input_that_is_no_square(tmp_path, size):
    """The object fills the part of the input that the image fills."""
    height, width = size
    scale = min(64 / height, 96 / width)
    rows = np.zeros((1, 4 + 1 + 1, 1), np.float32)
    rows[0, :, 0] = [48, 32, width * scale, height * scale, 0.9, 1]
    network = constant_model(tmp_path / "m.onnx", {"o": rows, "p": np.full((1, 1, 16, 24), 5, np.float32)}, (64, 96))
    card = {"name": "wide", "task": "instance", "classes": ["cat"], "output": {"kind": "yolo"}}
    card["input"] = {"size": [64, 96], "resize": "letterbox"}
    folder = import_guest(network, write_card(tmp_path / "c.yaml", **card), tmp_path / "g").folder
    (result,) = create_model("ONNX-Instance", folder, runtime="onnxruntime").predict(np.zeros((*size, 3), np.uint8))
    assert np.allclose(result["boxes"][0]["coordinate"], [0, 0, width, height], atol=1)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_detr_like_objects(tmp_path, activation):
    boxes = np.array([[[0.25, 0.5, 0.5, 1.0], [0.75, 0.5, 0.25, 0.5]]], np.float32)
    logits = np.array([[[4, -4, -4], [-4, 4, -4]]], np.float32)
    masks = np.full((1, 2, 8, 8), -3, np.float32)
    masks[0, 0, :, :4] = masks[0, 1, :, 4:] = 3
    network = constant_model(tmp_path / "m.onnx", {"boxes": boxes, "logits": logits, "masks": masks}, 32)
    card = write_card(
        tmp_path / "c.yaml",
        name="detr",
        task="instance",
        classes=["cat", "dog"],
        input={"size": [32, 32]},
        output={"kind": "detr", "activation": activation, "background": "last"},
    )
    folder = import_guest(network, card, tmp_path / "g").folder
    (result,) = create_model("ONNX-Instance", folder).predict(np.zeros((40, 80, 3), np.uint8))
    assert [box["label"] for box in result["boxes"]] == ["cat", "dog"]
    assert np.allclose(result["boxes"][0]["coordinate"], [0, 0, 40, 40], atol=1)
    assert [int(mask.sum()) for mask in result["masks"]] == [1600, 20 * 20]  # of the second the part in its box
    config = make_config(tmp_path / "o", model="ONNX-Instance", Evaluate={"weight_path": str(folder)})
    from segcli.steps.evaluate.open_instance import open_measured

    with open_measured(config) as measured:
        assert measured.class_names == ("cat", "dog") and measured.model_name == "detr"


def test_a_sam_like_pair_answers_clicks(tmp_path, caplog):
    from segcli.steps.predict.command import predict

    folder = sam_guest(tmp_path)
    cv2.imwrite(str(tmp_path / "i.png"), np.full((32, 64, 3), 255, np.uint8))
    settings = {"model_dir": str(folder), "input": str(tmp_path / "i.png"), "prompts": {"point_prompt": [[10, 10]]}}
    with caplog.at_level(logging.WARNING, logger="segcli"):
        result = predict(make_config(tmp_path / "out", model="ONNX-SAM", Predict=settings))
    (found,) = result.predicted
    assert sum(found.found.values()) == 1
    assert result.model_name == result.as_dict()["model_name"] == "sam"


def test_networks_of_one_form_have_their_own_weights(tmp_path, stripes):
    """As of one that was trained again, where the exporter writes weights into a file of their own."""
    found = []
    for number, scale in enumerate((1.0, -1.0)):
        folder = tmp_path / str(number)
        shape = ["n", 3, "h", "w"]
        nodes = [helper.make_node("Mul", ["x", "w"], ["y"])]
        weights = [("w", np.full((1, 3, 1, 1), scale, np.float32))]
        save(folder / "m.onnx", nodes, [tensor("x", shape)], [tensor("y", shape)], weights, weights_file="m.data")
        card = write_card(folder / "c.yaml", **COLOURS)
        guest = import_guest(folder / "m.onnx", card, folder / "guest").folder
        found.append(labels(guest, stripes, runtime="onnxruntime"))
    assert (tmp_path / "0" / "m.onnx").read_bytes() == (tmp_path / "1" / "m.onnx").read_bytes()
    assert [one[0, 30] for one in found] == [1, 0]


def test_weights_in_a_file_of_their_own_tell_embeddings_apart(tmp_path):
    guests = [sam_guest(tmp_path / str(score), score, "dec.data") for score in (0.9, 0.8)]
    assert len({SamGuest.open(one).sha256 for one in guests}) == 2


def sam_guest(folder, score=0.9, weights_file=None):
    """The mask is bright where the image is, in an input of 64."""
    pool = helper.make_node("AveragePool", ["image"], ["e3"], kernel_shape=[4, 4], strides=[4, 4])
    mean = helper.make_node("ReduceMean", ["e3"], ["image_embeddings"], axes=[1], keepdims=1)
    save(
        folder / "enc.onnx",
        [pool, mean],
        [tensor("image", [1, 3, 64, 64])],
        [tensor("image_embeddings", [1, 1, 16, 16])],
    )
    nodes = [
        helper.make_node("ReduceSum", ["point_coords"], ["s"], keepdims=0),
        helper.make_node("Mul", ["s", "zero"], ["nothing"]),
        helper.make_node("ReduceSum", ["point_labels"], ["l"], keepdims=0),
        helper.make_node("Mul", ["l", "zero"], ["nothing2"]),
        helper.make_node("Add", ["image_embeddings", "nothing"], ["one"]),
        helper.make_node("Add", ["one", "nothing2"], ["low_res_masks"]),
        helper.make_node("Add", ["score", "nothing"], ["iou_predictions"]),
    ]
    inputs = [
        tensor("image_embeddings", [1, 1, 16, 16]),
        tensor("point_coords", [1, "n", 2]),
        tensor("point_labels", [1, "n"]),
    ]
    outputs = [tensor("low_res_masks", [1, 1, 16, 16]), tensor("iou_predictions", [1, 1])]
    constants = [("zero", np.zeros((), np.float32)), ("score", np.array([[score]], np.float32))]
    save(folder / "dec.onnx", nodes, inputs, outputs, constants, weights_file=weights_file)
    card = write_card(
        folder / "c.yaml",
        name="sam",
        task="promptable",
        decoder="dec.onnx",
        input={"size": [64, 64], "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
        output={"kind": "sam"},
    )
    return import_guest(folder / "enc.onnx", card, folder / "g").folder
