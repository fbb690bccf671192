from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segcli.config.schema import PredictConfig
from segcli.errors import ConfigError, UsageError
from segcli.inference.exported_model import ExportedModel
from segcli.models.spec import Preprocess
from segcli.steps.predict.options import expected_images, wanted_runtime
from segcli.steps.predict.semantic import SemanticPredictor, resized


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "auto"),
        ({"kernel_option": {"run_mode": "paddle"}}, "paddle"),
        ({"kernel_option": {"run_mode": "paddle"}, "runtime": "auto"}, "auto"),
        ({"kernel_option": {"run_mode": "paddle"}, "use_hpip": True}, "auto"),
        ({"engine": "paddle_static"}, "paddle"),
        ({"engine": "onnxruntime", "use_hpip": True}, "onnxruntime"),
        ({"engine_config": {"run_mode": "mkldnn"}}, "paddle"),
        ({"use_hpip": True, "hpi_config": {"backend": "openvino"}}, "openvino"),
    ],
)
def test_paddlexs_words_choose_a_runtime(values, expected):
    assert wanted_runtime(PredictConfig.model_validate(values)) == expected


def test_only_the_file_of_an_image_is_a_single_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "list.txt", "film.mp4", "pages.tif"):
        Path(name).touch()
    Path("folder.png").mkdir()
    tiles = {"sliding_window": {"crop_size": (64, 64), "stride": (32, 32)}}
    others = ("list.txt", "film.mp4", "pages.tif", "folder.png", "*.png", "b.png", ["a.png"])
    given = [{"input": name} for name in ("a.png", *others)]
    found = [expected_images(PredictConfig.model_validate(one)) for one in [*given, {"input": "a.png", **tiles}, {}]]
    assert found == [1, *[None] * 9]


def test_words_without_a_counterpart_are_refused_together():
    settings = PredictConfig.model_validate(
        {
            "engine": "genai_client",
            "engine_config": {"cpu_threads": 3},
            "hpi_config": {"backend": "om"},
            "kernel_option": {"run_mode": "trt_fp16"},
        }
    )
    with pytest.raises(ConfigError) as caught:
        wanted_runtime(settings)
    assert [fault.key for fault in caught.value.faults] == [
        "Predict.engine",
        "Predict.engine_config.cpu_threads",
        "Predict.hpi_config.backend",
        "Predict.kernel_option.run_mode",
    ]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(None, None), (-1, None), (512, (288, 512)), ((256, 512), (256, 480))],
)
def test_target_size_has_paddlexs_meaning(wanted, expected):
    assert resized(1000, 550, wanted) == expected


@pytest.mark.parametrize("wanted", [64, (128, 96), (64, 96), 96])
def test_a_target_size_that_the_network_cannot_take_is_refused(wanted):
    """A model that was exported for one size."""
    model = ExportedModel(Path("x"), "UNet-S", Preprocess(), (1, 3, 64, 96), (), None)
    image = np.zeros((48, 72, 3), np.uint8)
    with pytest.raises(UsageError, match="takes 96 x 64 px only"):
        SemanticPredictor(model, None, PredictConfig(target_size=wanted))._input_size(image)
    for fine in (None, -1, (96, 64)):
        assert SemanticPredictor(model, None, PredictConfig(target_size=fine))._input_size(image) == (64, 96)
    square = replace(model, input_shape=(1, 3, 144, 144))
    assert SemanticPredictor(square, None, PredictConfig(target_size=144))._input_size(image) == (144, 144)
