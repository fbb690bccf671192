"""KServe's protocol, in JSON and with binary tensors."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import requests

from segcli.data import rle
from segcli.serve.run import Running
from tests.serve.service import HEIGHT, WIDTH, image_text, instance_folder, make_rgb, png, running, semantic_folder

LENGTH = "Inference-Header-Content-Length"


@pytest.fixture(scope="module")
def service() -> Iterator[Running]:
    with running(f"roads={semantic_folder()}", instance_folder()) as started:
        yield started


def infer(service: Running, model: str, tensor: dict[str, Any], **values: Any) -> requests.Response:
    body = {"inputs": [{"name": "image", **tensor}], **values}
    return requests.post(f"{service.url}/v2/models/{model}/infer", json=body, timeout=60)


def test_metadata(service: Running) -> None:
    assert requests.get(f"{service.url}/v2", timeout=30).json()["name"] == "segcli"
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/roads/ready"):
        assert requests.get(service.url + path, timeout=30).status_code == 200
    about = requests.get(f"{service.url}/v2/models/roads", timeout=30).json()
    assert requests.get(f"{service.url}/v2/models/roads/versions/1", timeout=30).json() == about
    absent = requests.get(f"{service.url}/v2/models/roads/versions/2/ready", timeout=30)
    assert absent.status_code == 404 and "it is at version 1" in absent.json()["error"]
    assert about["outputs"] == [{"name": "labels", "datatype": "UINT8", "shape": [1, -1, -1]}]


def test_a_file_pixels_and_binary_data_give_the_same(service: Running) -> None:
    rgb = make_rgb()
    file = infer(service, "roads", {"datatype": "BYTES", "shape": [1], "data": [image_text()]}, id="7").json()
    pixels = {"datatype": "UINT8", "shape": list(rgb.shape), "data": rgb.ravel().tolist()}
    given = infer(service, "roads", pixels).json()
    raw = struct.pack("<I", len(png(rgb))) + png(rgb)
    head = json.dumps(
        {
            "inputs": [
                {"name": "image", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(raw)}}
            ],
            "outputs": [{"name": "labels", "parameters": {"binary_data": True}}],
        }
    ).encode()
    binary = requests.post(
        f"{service.url}/v2/models/roads/infer", data=head + raw, headers={LENGTH: str(len(head))}, timeout=60
    )

    labels = np.array(file["outputs"][0]["data"], np.uint8)
    assert (file["id"], file["model_name"], file["outputs"][0]["shape"]) == ("7", "roads", [1, HEIGHT, WIDTH])
    assert given["outputs"] == file["outputs"]
    end = int(binary.headers[LENGTH])
    assert json.loads(binary.content[:end])["outputs"][0]["parameters"] == {"binary_data_size": HEIGHT * WIDTH}
    assert np.array_equal(np.frombuffer(binary.content[end:], np.uint8), labels)


def test_objects(service: Running) -> None:
    tensor = {"datatype": "BYTES", "shape": [1], "data": [image_text()]}
    values = infer(service, "PP-YOLOE_seg-S", tensor, parameters={"threshold": 0.0}).json()
    outputs = {output["name"]: output for output in values["outputs"]}
    assert list(outputs) == ["boxes", "classes", "scores", "masks"]
    count = outputs["scores"]["shape"][0]
    assert outputs["boxes"]["shape"] == [count, 4] and count > 0
    assert rle.decode(json.loads(outputs["masks"]["data"][0])).shape == (HEIGHT, WIDTH)


@pytest.mark.parametrize(
    ("model", "tensor", "more", "status"),
    [
        ("gone", {"datatype": "BYTES", "shape": [1], "data": ["x"]}, {}, 404),
        ("roads", {"datatype": "BYTES", "shape": [1], "data": ["no base64!"]}, {}, 400),
        ("roads", {"datatype": "FP32", "shape": [1], "data": [1.0]}, {}, 400),
        ("roads", {"datatype": "UINT8", "shape": [4, 4, 3], "data": [1, 2]}, {}, 400),
        ("roads", {"datatype": "UINT8", "shape": [1, 1, 3], "data": [1, 2, 300]}, {}, 400),
        ("roads", {"datatype": "UINT8", "shape": [-1, 4, 3], "data": []}, {}, 400),
        ("roads", {"datatype": "BYTES", "data": ["eA=="], "parameters": {"binary_data_size": 4}}, {}, 400),
        ("roads", {"datatype": "BYTES", "data": [image_text()]}, {"parameters": {"targetSize": 0}}, 422),
        ("roads", {"datatype": "BYTES", "data": [image_text()]}, {"parameters": {"size": 0}}, 422),
        ("roads", {"datatype": "BYTES", "data": [image_text()]}, {"parameters": [1]}, 400),
        ("roads", {"datatype": "BYTES", "data": [image_text()]}, {"outputs": [{"name": "x"}]}, 400),
    ],
)
def test_faults_are_4xx_in_kserves_form(
    service: Running, *, model: str, tensor: dict[str, Any], more: dict[str, Any], status: int
) -> None:
    answer = infer(service, model, tensor, **more)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"} and answer.json()["error"]


@pytest.mark.parametrize("length", ["x", "-1", "999999"])
def test_a_wrong_length_of_the_head(service: Running, length: str) -> None:
    answer = requests.post(f"{service.url}/v2/models/roads/infer", data=b"{}", headers={LENGTH: length}, timeout=30)
    assert answer.status_code == 400
