from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import cv2
import numpy as np
import pytest

from segcli.errors import UsageError
from segcli.steps.pack.command import pack
from segcli.steps.predict.model import create_model

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper

from segcli.steps.guests.command import import_guest
from segcli.steps.pack.example import example_for
from segcli.steps.pack.serving import write_triton
from tests.onnx_models import channel_model, save, semantic_guest, tensor, write_card

ALONE = """
import importlib.abc, runpy, sys
class Only(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        ours = ("numpy", "onnxruntime", "google", "flatbuffers", "_distutils_hack")
        if top not in sys.stdlib_module_names and top not in ours:
            raise ImportError(name)
sys.meta_path.insert(0, Only())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize(
    "card",
    [
        {},
        {"input": {"channels": "BGR", "size": [48, 32]}},
        {"input": {"stride": 32}},
        {"input": {"size": [48, 32]}, "output": {"kind": "probabilities"}},
    ],
)
def test_the_example_answers_as_segcli_does_with_onnxruntime_and_numpy_alone(tmp_path, card):
    folder = semantic_guest(tmp_path, licence="CC-BY-4.0", source="https://example.org", **card)
    packed = pack(str(folder), tmp_path / "edge")
    names = ["LICENCE.txt", "example.py", "labels.txt", "model.onnx", "parity.json", "preprocessing.json"]
    assert list(packed.files) == names
    assert "CC-BY-4.0" in (tmp_path / "edge/LICENCE.txt").read_text()
    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(0, 256, (4, 6, 3)), np.ones((17, 16, 1))).astype(np.uint8)
    image[0, 0] = (32, 10, 13)  # blanks, where the header of a PPM ends
    np.save(tmp_path / "i.npy", image)
    (tmp_path / "i.ppm").write_bytes(b"P6\n96 68\n255\n" + image.tobytes())
    found = [run_example(tmp_path / "edge", tmp_path / name) for name in ("i.npy", "i.ppm")]
    assert np.array_equal(*found)
    (expected,) = create_model("ONNX-Semantic", folder, runtime="onnxruntime").predict(image[..., ::-1])
    assert (found[0] == expected.labels).mean() > 0.998
    (tmp_path / "i.jpg").write_bytes(b"\xff\xd8\xff")
    command = [sys.executable, tmp_path / "edge/example.py", tmp_path / "i.jpg"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "a .npy or a binary .ppm" in refused.stderr


def run_example(packed, image):
    """The labels that the example finds, without any other package."""
    labels = image.with_name("labels.npy")
    command = [sys.executable, "-c", ALONE, packed / "example.py", image, labels]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "red: " in done.stdout
    return np.load(labels)


def test_the_example_of_a_network_for_deep_grey_images_that_gives_labels_in_another_size(tmp_path):
    folder = grey_label_guest(tmp_path)
    pack(str(folder), tmp_path / "edge")
    image = np.random.default_rng(1).integers(0, 5000, (35, 50, 3)).astype(np.uint16)
    np.save(tmp_path / "i.npy", image)
    (expected,) = create_model("ONNX-Semantic", folder, runtime="onnxruntime").predict(str(tmp_path / "i.npy"))
    assert 0.2 < expected.labels.mean() < 0.8
    assert (run_example(tmp_path / "edge", tmp_path / "i.npy") == expected.labels).mean() > 0.99


def grey_label_guest(folder):
    """Dark is red, bright is green, of every second pixel."""
    nodes = [
        helper.make_node("MaxPool", ["x"], ["small"], kernel_shape=[1, 1], strides=[2, 2]),
        helper.make_node("Greater", ["small", "half"], ["bright"]),
        helper.make_node("Cast", ["bright"], ["y"], to=TensorProto.INT64),
    ]
    outputs = [tensor("y", ["n", 1, "a", "b"], TensorProto.INT64)]
    constants = [("half", np.array(0.5, np.float32))]
    network = save(folder / "m.onnx", nodes, [tensor("x", ["n", 1, "h", "w"])], outputs, constants)
    card = {"name": "grey", "task": "semantic", "classes": ["red", "green"], "output": {"kind": "labels"}}
    card |= {"input": {"channels": "GREY", "range": [1000, 4000]}}
    return import_guest(network, write_card(folder / "c.yaml", **card), folder / "guest").folder


@pytest.mark.parametrize("kind", ["logits", "binary", "labels"])
def test_the_example_has_thirty_lines_of_code(kind):
    lines = example_for(kind).splitlines()
    assert len([line for line in lines if line]) <= 30 and max(map(len, lines)) <= 120
    compile("\n".join(lines), "example.py", "exec")


@pytest.mark.parametrize("size", [(35, 64), (7, 5), (90, 160)])
def test_the_example_resizes_as_opencv_does(size):
    text = example_for("logits")
    scope = {"numpy": np}
    exec(text[text.index("def resized") : text.index("facts =")], scope)
    image = np.random.default_rng(0).integers(0, 256, (70, 128, 3)).astype(np.uint8)
    for area in (False, True):
        shrinks = size[0] <= 70
        way = cv2.INTER_AREA if area and shrinks else cv2.INTER_LINEAR
        expected = cv2.resize(image, size[::-1], interpolation=way)
        assert np.abs(np.rint(scope["resized"](image, size, area and shrinks)) - expected).max() <= 1


def test_servers_get_their_folders(tmp_path):
    packed = pack(str(semantic_guest(tmp_path)), tmp_path / "edge", serving=("triton", "openvino"))
    assert "repository/triton/colours/1/model.onnx" in packed.files
    text = (tmp_path / "edge/repository/triton/colours/config.pbtxt").read_text()
    assert 'platform: "onnxruntime_onnx"' in text and "dims: [ 3, -1, -1 ]" in text
    values = json.loads((tmp_path / "edge/repository/openvino/config.json").read_text())
    assert values["model_config_list"][0]["config"] == {"name": "colours", "base_path": "/models/colours"}
    assert "repository/openvino/colours/1/model.onnx" in packed.files


def test_openvino_reads_what_its_server_gets(tmp_path):
    openvino = pytest.importorskip("openvino")
    pack(str(semantic_guest(tmp_path)), tmp_path / "edge", form="openvino", serving=("openvino",))
    folder = tmp_path / "edge/repository/openvino"
    (entry,) = json.loads((folder / "config.json").read_text())["model_config_list"]
    assert entry["config"]["base_path"] == f"/models/{entry['config']['name']}"
    (version,) = (folder / entry["config"]["name"]).iterdir()
    assert version.name.isdecimal()  # versions are numbers there
    model = openvino.compile_model(str(version / "model.xml"), "CPU")
    image = np.arange(3 * 4 * 4, dtype=np.float32).reshape(1, 3, 4, 4)
    assert np.array_equal(model(image)[0], image)  # the logits of this model are the channels


@pytest.mark.parametrize("batch", ["n", 1])
def test_triton_reads_the_configuration(tmp_path, batch):
    """With the schema of Triton's own client: an unknown field or a wrong type would be an error."""
    client = find_spec("tritonclient")
    if client is None or client.submodule_search_locations is None:
        pytest.skip("tritonclient is not installed")
    # the schema alone, without the packages that the client needs to talk to a server
    schema = Path(client.submodule_search_locations[0]) / "grpc" / "model_config_pb2.py"
    spec = spec_from_file_location("model_config_pb2", schema)
    config = module_from_spec(spec)
    spec.loader.exec_module(config)
    text_format = pytest.importorskip("google.protobuf.text_format")
    network = channel_model(tmp_path / "model.onnx", size=(32, 48), batch=batch)
    write_triton(network, "colours", tmp_path / "repository")
    text = (tmp_path / "repository/colours/config.pbtxt").read_text()
    found = text_format.Parse(text, config.ModelConfig())
    assert found.name == "colours" and found.platform == "onnxruntime_onnx"
    assert found.max_batch_size == (8 if batch == "n" else 0)
    shape = [3, 32, 48] if batch == "n" else [1, 3, 32, 48]
    for port in (*found.input, *found.output):
        assert port.data_type == config.TYPE_FP32 and list(port.dims) == shape


def test_what_cannot_be_packed_is_told(tmp_path):
    (tmp_path / "corner").mkdir()
    corner = semantic_guest(tmp_path / "corner", input={"size": [48, 32], "resize": "corner"})
    with pytest.raises(UsageError, match="keep their ratio"):
        pack(str(corner), tmp_path / "edge")
    assert not (tmp_path / "edge").exists()
    folder = semantic_guest(tmp_path)
    with pytest.raises(UsageError, match="there is no"):
        pack(str(folder), tmp_path / "edge", form="lite")
    with pytest.raises(UsageError, match="something else"):
        pack(str(folder), tmp_path)
