"""Packed instance models and models that answer clicks: the example against segcli."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest

from segcli.data import rle
from segcli.errors import UsageError
from segcli.steps.pack.command import pack
from segcli.steps.predict.model import create_model

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from segcli.steps.guests.command import import_guest
from segcli.steps.pack.example import objects_example_for, prompt_example
from tests.onnx_models import constant_model, write_card
from tests.steps.guests.test_import import sam_guest
from tests.steps.pack.test_pack import ALONE
from tests.trained_instance import trained_instance_run


def run_example(packed, *words):
    """What the example prints, and the masks that it saves, without any other package."""
    saved = packed / "found.npy"
    command = [sys.executable, "-c", ALONE, packed / "example.py", *map(str, words), saved]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, np.load(saved)


def iou(one, other):
    return (one & other).sum() / max((one | other).sum(), 1)


def yolo_guest(folder, **more):
    rows = np.zeros((1, 4 + 2 + 2, 3), np.float32)
    rows[0, :, 0] = [16, 32, 32, 32, 0.1, 0.9, 1, 0]
    rows[0, :, 1] = [17, 32, 32, 32, 0.1, 0.6, 1, 0]  # the same again
    rows[0, :, 2] = [48, 32, 16, 16, 0.7, 0.1, 0, 1]
    prototypes = np.full((1, 2, 16, 16), -5, np.float32)
    prototypes[0, 0, 4:12, :8] = prototypes[0, 1, 4:12, 8:] = 5
    network = constant_model(folder / "m.onnx", {"o": rows, "p": prototypes}, 64)
    card = {"name": "yolo", "task": "instance", "classes": ["cat", "dog"], "licence": "AGPL-3.0", **more}
    card["output"] = {"kind": "yolo"}
    return import_guest(network, write_card(folder / "c.yaml", **card), folder / "g").folder


def detr_guest(folder):
    boxes = np.array([[[0.25, 0.5, 0.5, 1.0], [0.75, 0.5, 0.25, 0.5]]], np.float32)
    logits = np.array([[[4, -4, -4], [-4, 4, -4]]], np.float32)
    masks = np.full((1, 2, 8, 8), -3, np.float32)
    masks[0, 0, :, :4] = masks[0, 1, 2:6, 5:7] = 3
    network = constant_model(folder / "m.onnx", {"boxes": boxes, "logits": logits, "masks": masks}, 32)
    card = {"name": "detr", "task": "instance", "classes": ["cat", "dog"], "input": {"size": [32, 32]}}
    card["output"] = {"kind": "detr", "activation": "softmax", "background": "last"}
    return import_guest(network, write_card(folder / "c.yaml", **card), folder / "g").folder


def stretched(folder):
    return yolo_guest(folder, input={"size": [64, 64]})


def letterboxed(folder):
    return yolo_guest(folder, input={"size": [64, 64], "resize": "letterbox", "pad": 114})


@pytest.mark.parametrize("guest", [stretched, letterboxed, detr_guest])
def test_the_example_finds_the_objects_of_a_guest(tmp_path, guest):
    folder = guest(tmp_path)
    packed = pack(str(folder), tmp_path / "edge", serving=("triton", "openvino"))
    names = {"LICENCE.txt", "example.py", "labels.txt", "model.onnx", "parity.json", "preprocessing.json"}
    assert names <= set(packed.files)
    image = np.random.default_rng(0).integers(0, 256, (50, 100, 3)).astype(np.uint8)
    np.save(tmp_path / "i.npy", image)
    said, masks = run_example(tmp_path / "edge", tmp_path / "i.npy")
    (expected,) = create_model("ONNX-Instance", folder, runtime="onnxruntime").predict(image[..., ::-1])
    assert [line.split()[0] for line in said.splitlines()] == [box["label"] for box in expected["boxes"]]
    for line, box in zip(said.splitlines(), expected["boxes"], strict=True):
        corners = line[line.index("[") + 1 : line.index("]")].split()
        assert np.allclose([float(one) for one in corners], box["coordinate"], atol=1)
    assert all(iou(mask, rle.decode(code) > 0) > 0.97 for mask, code in zip(masks, expected.codes, strict=True))


def test_the_example_finds_the_objects_of_a_model_that_was_trained_here(tmp_path):
    folder = trained_instance_run() / "run" / "best_model" / "inference"
    pack(str(folder), tmp_path / "edge")
    photo = cv2.imread(str(next((trained_instance_run() / "data" / "images").iterdir())))
    np.save(tmp_path / "i.npy", photo[..., ::-1])
    facts = tmp_path / "edge" / "preprocessing.json"
    facts.write_text(facts.read_text().replace('"threshold": 0.5', '"threshold": 0.02'))  # of random weights
    _, masks = run_example(tmp_path / "edge", tmp_path / "i.npy")
    model = create_model("PP-YOLOE_seg-S", folder, runtime="onnxruntime", threshold=0.02)
    (expected,) = model.predict(photo)
    assert len(masks) == len(expected.codes) > 0
    ious = [max(iou(mask, rle.decode(code) > 0) for code in expected.codes) for mask in masks]
    assert np.mean(ious) > 0.95


def test_the_example_outlines_what_lies_at_a_click(tmp_path):
    folder = sam_guest(tmp_path)
    packed = pack(str(folder), tmp_path / "edge", form="openvino", serving=("triton",))
    assert {"encoder.onnx", "encoder.xml", "decoder.onnx", "decoder.xml"} <= set(packed.files)
    repository = {f"repository/triton/sam_{part}/config.pbtxt" for part in ("encoder", "decoder")}
    assert repository <= set(packed.files)
    image = np.full((40, 90, 3), 20, np.uint8)
    image[10:30, 20:60] = 250
    np.save(tmp_path / "i.npy", image)
    said, mask = run_example(tmp_path / "edge", tmp_path / "i.npy", 30, 20)
    assert said.startswith("score 0.900")
    assert iou(mask, image[..., 0] > 99) > 0.7
    settings = {"prompts": {"point_prompt": [[30, 20]]}}
    (expected,) = create_model("ONNX-SAM", folder).predict(image[..., ::-1], **settings)
    assert iou(mask, expected["masks"][0] > 0) > 0.97


def test_models_that_the_example_cannot_run_are_refused(tmp_path):
    folder = yolo_guest(tmp_path, input={"size": [64, 64], "range": "percentile"})
    with pytest.raises(UsageError, match="found per image"):
        pack(str(folder), tmp_path / "edge")
    assert not (tmp_path / "edge").exists()


@pytest.mark.parametrize("text", [objects_example_for("own"), objects_example_for("yolo"), prompt_example()])
def test_examples_are_short_programs(text):
    assert len([line for line in text.splitlines() if line]) <= 70 and max(map(len, text.splitlines())) <= 120
    compile(text, "example.py", "exec")
