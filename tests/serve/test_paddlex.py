"""PaddleX's routes: bodies, parameters, envelope, and what is no result."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
import requests

from segcli.data import rle
from segcli.data.budget import set_max_pixels
from segcli.serve.run import Running
from segcli.steps.pipelines.create import create_pipeline
from tests.serve.service import (
    HEIGHT,
    WIDTH,
    image_text,
    instance_folder,
    make_rgb,
    promptable_yaml,
    running,
    semantic_folder,
)

SEMANTIC, INSTANCE = "/semantic-segmentation", "/instance-segmentation"
PROMPTED, TEXT = "/open-vocabulary-segmentation", "/text-driven-segmentation"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("yaml")
    sam, lseg = (promptable_yaml(folder, f"{kind}_segmentation") for kind in ("open_vocabulary", "text_driven"))
    with running(semantic_folder(), instance_folder(), sam, lseg) as started:
        yield started


def post(service: Running, route: str, **body: Any) -> requests.Response:
    return requests.post(service.url + route, json={"image": image_text(), **body}, timeout=60)


def result(service: Running, route: str, **body: Any) -> dict[str, Any]:
    answer = post(service, route, **body)
    assert answer.status_code == 200, answer.text
    envelope = answer.json()
    assert set(envelope) == {"logId", "errorCode", "errorMsg", "result"}
    assert (envelope["errorCode"], envelope["errorMsg"]) == (0, "Success")
    found: dict[str, Any] = envelope["result"]
    return found


def read_base64(text: str, flags: int = cv2.IMREAD_UNCHANGED) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), flags)


def test_label_maps_equal_those_of_the_pipeline_in_every_form(service: Running) -> None:
    (expected,) = create_pipeline(semantic_folder(), runtime="paddle").predict(make_rgb()[..., ::-1])
    labels = expected["pred"][0]

    plain = result(service, SEMANTIC)
    compact = result(service, SEMANTIC, maskFormat="png", visualize=False, labelMe=True)
    coded = result(service, SEMANTIC, maskFormat="rle", visualize=False)

    assert set(plain) == {"labelMap", "size", "image"}
    assert plain["size"] == [HEIGHT, WIDTH]
    assert np.array_equal(np.array(plain["labelMap"]).reshape(HEIGHT, WIDTH), labels)
    assert read_base64(plain["image"]).shape == (HEIGHT, WIDTH, 3)
    assert set(compact) == {"labelMapPng", "size", "labelMe"}
    assert np.array_equal(read_base64(compact["labelMapPng"]), labels)
    assert {shape["label"] for shape in compact["labelMe"]["shapes"]} == {
        name for number, name in enumerate(("_background_", "red", "blue")) if number and (labels == number).any()
    }
    joined = np.zeros_like(labels)
    for entry in coded["classes"]:
        mask = rle.decode({"size": entry["mask"]["size"], "counts": entry["mask"]["rleResult"]})
        joined[mask > 0] = entry["categoryId"]
    assert np.array_equal(joined, labels)


def test_a_label_map_as_bytes(service: Running) -> None:
    plain = result(service, SEMANTIC, visualize=False)
    raw = result(service, SEMANTIC, maskFormat="raw", visualize=False)
    assert list(base64.b64decode(raw["labelMapRaw"])) == plain["labelMap"]
    assert "labelMap" not in raw


def test_target_size_counts(service: Running) -> None:
    (expected,) = create_pipeline(semantic_folder(), runtime="paddle").predict(make_rgb()[..., ::-1], target_size=32)
    small = result(service, SEMANTIC, targetSize=32, visualize=False)
    pair = result(service, SEMANTIC, targetSize=[32, 32], visualize=False)
    assert small["labelMap"] == pair["labelMap"] == expected["pred"].ravel().tolist()


def test_objects_in_every_form(service: Running) -> None:
    (expected,) = create_pipeline(instance_folder(), runtime="paddle").predict(make_rgb()[..., ::-1], threshold=0.0)
    found = result(service, INSTANCE, threshold=0.0)

    assert set(found) == {"instances", "image"} and len(found["instances"]) == len(expected["boxes"]) > 0
    first, box = found["instances"][0], expected["boxes"][0]
    assert (first["categoryId"], first["categoryName"], first["score"]) == (box["cls_id"], box["label"], box["score"])
    assert first["bbox"] == box["coordinate"]
    inside = rle.decode({"size": first["mask"]["size"], "counts": first["mask"]["rleResult"]})
    assert np.array_equal(inside, expected["masks"][0])
    for form in ("rle", "png", "raw", "polygon", "labelMe"):
        other = result(service, INSTANCE, threshold=0.0, maskFormat=form, visualize=False)["instances"][0]["mask"]
        assert other["size"] == [HEIGHT, WIDTH]
        if form == "raw":
            pixels = np.frombuffer(base64.b64decode(other["raw"]), np.uint8).reshape(HEIGHT, WIDTH)
            assert np.array_equal(pixels, rle.decode(expected.codes[0]))
        if form == "png":
            assert np.array_equal(read_base64(other["png"]) > 0, rle.decode(expected.codes[0]) > 0)


def test_threshold_counts(service: Running) -> None:
    many, few = (result(service, INSTANCE, threshold=least)["instances"] for least in (0.0, 1.0))
    assert len(many) > len(few)


def test_boxes_and_points(service: Running) -> None:
    boxes = result(service, PROMPTED, prompt=[[5, 5, 40, 40], [2, 2, 20, 20]], promptType="box")
    points = result(service, PROMPTED, prompt=[[20.5, 20]], promptType="point", visualize=False)
    object_ = {"box": [5, 5, 40, 40], "points": [[9, 9, 0], [20, 20, 1]]}
    clicked = result(service, PROMPTED, prompts={"objects": [object_]}, labelMe=True)

    assert set(boxes) == {"masks", "maskInfos", "image"}
    assert [mask["size"] for mask in boxes["masks"]] == [[HEIGHT, WIDTH]] * 2
    assert (boxes["maskInfos"][0]["label"], boxes["maskInfos"][0]["prompt"]) == ("box_prompt", [5.0, 5.0, 40.0, 40.0])
    assert points["maskInfos"][0]["prompt"] == [20.5, 20.0] and "image" not in points
    assert len(clicked["masks"]) == 1 and clicked["labelMe"]["imageWidth"] == WIDTH


def test_a_second_prompt_on_an_image_runs_no_encoder(service: Running) -> None:
    model = service.models.by_name["open_vocabulary_segmentation"]
    cache = model.pipeline.models["BoxPromptSegmentation"]().predictor.predictor.cache
    text = image_text(7)
    result(service, PROMPTED, image=text, prompt=[[5, 5, 40, 40]], promptType="box")
    before = cache.misses
    result(service, PROMPTED, image=text, prompt=[[9, 9]], promptType="point")
    assert cache.misses == before


def test_texts(service: Running) -> None:
    found = result(service, TEXT, text=["bear", "grass"], background="sky")
    assert [info["prompt"] for info in found["maskInfos"]] == ["bear", "grass"]
    assert result(service, TEXT, text="bear")["maskInfos"][0]["label"] == "text_prompt"


def test_a_data_url_and_a_log_id(service: Running) -> None:
    answer = post(service, SEMANTIC, image=f"data:image/png;base64,{image_text()}", logId='a"labelMap": "@"')
    assert answer.status_code == 200 and answer.json()["logId"] == 'a"labelMap": "@"'


GOOD = {"prompt": [[5, 5, 40, 40]], "promptType": "box"}


@pytest.mark.parametrize(
    ("route", "body", "status", "message"),
    [
        (SEMANTIC, {"image": "no base64!"}, 400, "neither base64 nor"),
        (SEMANTIC, {"image": ""}, 400, "is empty"),
        (SEMANTIC, {"image": "bm8gaW1hZ2U="}, 400, "no image"),
        (SEMANTIC, {"image": "/etc/passwd"}, 400, "base64"),
        (SEMANTIC, {"image": "http://127.0.0.1/x.png"}, 400, "URLs are not allowed"),
        (SEMANTIC, {"image": 5}, 422, "image"),
        (SEMANTIC, {"targetSize": 0}, 422, "targetSize"),
        (SEMANTIC, {"targetSize": -5}, 422, "targetSize"),
        (SEMANTIC, {"targetSize": "big"}, 422, "targetSize"),
        (SEMANTIC, {"targetSize": [10**6, 10**6]}, 413, "targetSize"),
        (SEMANTIC, {"target_size": 32}, 422, "target_size"),
        (SEMANTIC, {"model": "gone"}, 422, "there is no gone"),
        (INSTANCE, {"threshold": 2}, 422, "threshold"),
        (INSTANCE, {"threshold": "x"}, 422, "threshold"),
        (PROMPTED, {}, 422, "needs prompts"),
        (PROMPTED, {"prompt": [[5, 5]], "promptType": "box"}, 422, "a box is four numbers"),
        (PROMPTED, {"prompt": [], "promptType": "box"}, 422, "empty"),
        (PROMPTED, {"prompt": [[40, 5, 5, 40]], "promptType": "box"}, 422, "reversed"),
        (PROMPTED, {"prompt": [[900, 900]], "promptType": "point"}, 422, "outside the image"),
        (PROMPTED, {"prompt": [[5, 5]] * 101, "promptType": "point"}, 413, "more than 100 prompts"),
        (PROMPTED, {"prompts": {"objects": [{"bx": 1}]}}, 422, "unknown bx"),
        (PROMPTED, {"prompts": {"boxes": 3}}, 422, "prompt"),
        (PROMPTED, {"prompts": {"text_prompt": ["bear"]}}, 422, "not texts"),
        (PROMPTED, {**GOOD, "prompts": {"box_prompt": [[1, 2, 3, 4]]}}, 422, "exclude each other"),
        (TEXT, {"text": ""}, 422, "needs a text"),
        (TEXT, {"text": ["bear " * 200]}, 422, "too long|tokens|long"),
        (TEXT, {"text": 3}, 422, "text"),
        (TEXT, {"text": "x" * 1001}, 422, "at most 1000"),
    ],
)
def test_a_fault_of_the_client_is_a_4xx_with_a_message(
    service: Running, *, route: str, body: dict[str, Any], status: int, message: str
) -> None:
    answer = post(service, route, **body)
    values = answer.json()
    assert answer.status_code == status, answer.text
    assert set(values) == {"logId", "errorCode", "errorMsg"} and values["errorCode"] == status
    assert re.search(message, values["errorMsg"]), values


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "message"),
    [
        ("POST", SEMANTIC, b"{", 422, "the body is no JSON: Expecting property name .* at character 2"),
        ("POST", SEMANTIC, b"[" * 100_000, 400, ""),
        ("POST", SEMANTIC, b"\xff\xfe", 422, ""),
        ("POST", SEMANTIC, b"", 422, "the body is missing"),
        ("GET", SEMANTIC, None, 405, ""),
        ("POST", "/nowhere", b"{}", 404, ""),
        ("GET", "/page/../app.py", None, 404, ""),
    ],
)
def test_what_is_no_request_has_the_envelope_too(
    service: Running, *, method: str, path: str, content: bytes | None, status: int, message: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = requests.request(method, service.url + path, data=content, headers=headers, timeout=30)
    assert answer.status_code == status and answer.json()["errorCode"] == status
    assert re.match(message, answer.json()["errorMsg"])


def test_a_header_that_claims_too_many_pixels(service: Running) -> None:
    set_max_pixels(1000)
    answer = post(service, SEMANTIC)
    assert answer.status_code == 413 and "1,000" in answer.json()["errorMsg"]


def test_openapi_has_every_route_and_the_pages_need_nothing_from_elsewhere(service: Running) -> None:
    described = requests.get(f"{service.url}/openapi.json", timeout=30).json()
    assert {SEMANTIC, INSTANCE, PROMPTED, TEXT, "/v2/models/{name}/infer"} <= set(described["paths"])
    fields = described["components"]["schemas"]["InstanceRequest"]["properties"]
    assert fields["threshold"]["description"] == "Minimum score of an object."
    assert all(field["description"] for field in fields.values()) and "image" in fields
    for path in ("/", "/docs", "/page/page.js", "/page/canvas.js", "/page/page.css", "/page/docs.js", "/page/docs.css"):
        answer = requests.get(service.url + path, timeout=30)
        assert answer.status_code == 200
        assert "http://" not in answer.text and "https://" not in answer.text


def test_health_metrics_and_models(service: Running) -> None:
    assert requests.get(f"{service.url}/health", timeout=30).json()["errorCode"] == 0
    assert requests.get(f"{service.url}/ready", timeout=30).status_code == 200
    result(service, SEMANTIC)
    text = requests.get(f"{service.url}/metrics", timeout=30).text
    assert 'segcli_requests_total{route="/semantic-segmentation",status="200"}' in text
    assert 'segcli_queue_length{model="PP-LiteSeg-T"} 0.0' in text
    models = requests.get(f"{service.url}/models", timeout=30).json()
    assert [model["name"] for model in models][:2] == ["PP-LiteSeg-T", "PP-YOLOE_seg-S"]
    assert models[0]["classes"] == ["_background_", "red", "blue"]
