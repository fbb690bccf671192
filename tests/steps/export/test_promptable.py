"""Exported halves: opened again, equal to the network on every runtime, also where the encoder is cut."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from segcli.config.load import from_values
from segcli.errors import WeightsError
from segcli.inference.proofs import FILE
from segcli.models.table import get_spec
from segcli.promptable.exported import _doubling
from segcli.steps.evaluate.command import evaluate
from segcli.steps.export.command import export
from segcli.steps.export.promptable import export_promptable
from segcli.steps.predict.command import predict
from segcli.steps.predict.open_promptable import open_promptable
from tests.coco_folder import make_coco_folder
from tests.promptable_weights import promptable_weights

NEEDED = ("paddle2onnx", "onnx", "onnxruntime", "openvino")
MISSING = [name for name in NEEDED if find_spec(name) is None]
IMAGE = np.random.default_rng(1).integers(0, 256, (70, 90, 3), np.uint8)


def config(model: str, weights: Path, output: Path, mode: str = "export", **values: Any) -> Any:
    given = {
        "Global.model": model,
        "Global.mode": mode,
        "Global.output": str(output),
        "Export.weight_path": str(weights),
        "Predict.input": str(output),
    }
    return from_values({**given, **{key.replace("__", "."): value for key, value in values.items()}}).config


def test_a_cut_encoder_gives_the_same_embedding(tmp_path: Path) -> None:
    weights = promptable_weights("SAM-tiny")

    result = export_promptable(weights, tmp_path / "cut", config("SAM-tiny", weights, tmp_path), limit_bytes=500_000)

    assert {"encoder_1", "encoder_2"} <= set(result.files)
    assert {entry.half for entry in result.parity} == {"encoder", "decoder"}
    assert max(entry.max_rel_diff for entry in result.parity) <= 1e-4
    spec = get_spec("SAM-tiny")
    whole, cut = (open_promptable(spec, path, runtime="paddle") for path in (weights, tmp_path / "cut"))
    image = whole.preprocess(IMAGE)[0]
    np.testing.assert_allclose(cut.backend.encode(image), whole.backend.encode(image), atol=1e-4)
    assert cut.preprocess == whole.preprocess


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
def test_auto_takes_what_read_the_image_fastest_at_export(tmp_path: Path) -> None:
    weights, folder = promptable_weights("SAM-tiny"), tmp_path / "inference"
    export(config("SAM-tiny", weights, tmp_path))
    written = json.loads((folder / FILE).read_text())
    assert {one["runtime"]: one["milliseconds"] > 0 for one in written["proofs"]} == {
        "onnxruntime": True,
        "openvino": True,
    }
    for fastest in ("openvino", "onnxruntime"):
        for one in written["proofs"]:
            one["milliseconds"] = 1.0 if one["runtime"] == fastest else 2.0
        (folder / FILE).write_text(json.dumps(written))
        assert open_promptable(get_spec("SAM-tiny"), folder).runtime == fastest
    (folder / FILE).unlink()
    assert open_promptable(get_spec("SAM-tiny"), folder).runtime == "onnxruntime"


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
@pytest.mark.parametrize("model", ["SAM-tiny", "LSeg-tiny"])
def test_both_halves_agree_on_every_runtime(model: str, tmp_path: Path) -> None:
    weights = promptable_weights(model)

    result = export(config(model, weights, tmp_path, Export__formats=["paddle", "onnx", "openvino"])).as_dict()

    assert {entry["runtime"] for entry in result["parity"]} == {"paddle", "onnxruntime", "openvino"}
    assert len(result["parity"]) == 6
    assert max(entry["max_rel_diff"] for entry in result["parity"]) <= 1e-4
    assert all(Path(file).stat().st_size for file in result["files"].values())


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
def test_an_exported_model_predicts_and_is_measured_like_its_weights(tmp_path: Path) -> None:
    weights, data = promptable_weights("SAM-tiny"), make_coco_folder(tmp_path / "data", train=1, val=1).root
    export(config("SAM-tiny", weights, tmp_path))
    masks = []
    for source in (weights, tmp_path / "inference"):
        asked = {
            "Predict__prompts": {"box_prompt": [[5, 5, 40, 30]], "point_prompt": [[20, 20]]},
            "Predict__input": str(data / "images" / "a0.png"),
            "Predict__model_dir": str(source),
        }
        result = predict(config("SAM-tiny", weights, tmp_path / f"{source.name}_out", "predict", **asked))
        masks.append(json.loads((tmp_path / f"{source.name}_out" / "a0_res.json").read_text())["masks"])
    assert result.runtime in ("onnxruntime", "openvino")
    assert masks[0] == masks[1]

    where = {"Global__dataset_dir": str(data)}
    scores = [
        evaluate(config("SAM-tiny", weights, tmp_path, "evaluate", **where, Evaluate__weight_path=str(source)))
        for source in (weights, tmp_path / "inference")
    ]
    for key, value in scores[0].as_dict()["metrics"].items():
        assert scores[1].as_dict()["metrics"][key] == pytest.approx(value, abs=1e-2)


def test_doubling_equals_paddles_bilinear_with_kept_ends() -> None:
    plane = np.random.default_rng(0).standard_normal((7, 5)).astype(np.float32)

    ours = _doubling(7) @ plane @ _doubling(5).T

    theirs = paddle.nn.functional.interpolate(
        paddle.to_tensor(plane[None, None]), size=[14, 10], mode="bilinear", align_corners=True
    )
    np.testing.assert_allclose(ours, theirs.numpy()[0, 0], atol=1e-6)


def test_a_folder_of_paddlex_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "inference.yml").write_text("Global: {model_name: SAM-H_box}\nDeploy: {input_shape: null}\n")

    with pytest.raises(WeightsError, match="segcli exported"):
        open_promptable(get_spec("SAM-H_box"), tmp_path)
