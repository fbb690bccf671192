from __future__ import annotations

import pytest

from segcli.config.schema import PredictConfig
from segcli.errors import ConfigError
from segcli.steps.predict.options import wanted_runtime
from segcli.steps.predict.semantic import resized


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
