"""The runtime that the `Predict` section selects, by segcli's keys or PaddleX's."""

from __future__ import annotations

from typing import Any

from segcli.config.schema import PredictConfig
from segcli.cpu import FLOAT32_HINT, why_float32
from segcli.errors import ConfigError, ConfigFault

ENGINES: dict[str, str] = {
    "paddle": "paddle",
    "paddle_static": "paddle",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "hpi": "auto",
    "flexible": "auto",
}
"""PaddleX's `engine`; an exported model runs as a static graph, so `paddle_dynamic` has no meaning here."""

RUN_MODES = ("paddle", "mkldnn")
"""Values of PaddleX's `run_mode` for Paddle on the CPU; segcli's Paddle runtime uses oneDNN wherever it works."""


def wanted_runtime(settings: PredictConfig) -> str:
    """Returns the name of the runtime that the configuration selects.

    A named `runtime` wins over `engine` and its related keys, these over ``auto``, and that over `kernel_option`.

    Raises:
        ConfigError: A PaddleX value has no counterpart in segcli.
    """
    given = settings.model_fields_set
    faults: list[ConfigFault] = []
    choices: list[str] = []
    if settings.runtime != "auto":
        choices.append(settings.runtime)
    if settings.engine is not None:
        choices += _engine(settings.engine, faults)
    choices += _engine_config(settings.engine_config or {}, faults)
    choices += _hpi_config(settings.hpi_config or {}, faults)
    if settings.use_hpip or "runtime" in given:
        choices.append("auto")
    if "kernel_option" in given:
        choices += _run_mode("Predict.kernel_option.run_mode", settings.kernel_option.run_mode, faults)
    if faults:
        raise ConfigError(faults)
    return choices[0] if choices else "auto"


def _engine(value: str, faults: list[ConfigFault]) -> list[str]:
    if value in ENGINES:
        return [ENGINES[value]]
    faults.append(ConfigFault("Predict.engine", f"{value!r} has no counterpart here", f"one of {', '.join(ENGINES)}"))
    return []


def _engine_config(values: dict[str, Any], faults: list[ConfigFault]) -> list[str]:
    _refuse_others("Predict.engine_config", values, {"run_mode"}, faults)
    return _run_mode("Predict.engine_config.run_mode", values["run_mode"], faults) if "run_mode" in values else []


def _hpi_config(values: dict[str, Any], faults: list[ConfigFault]) -> list[str]:
    _refuse_others("Predict.hpi_config", values, {"backend", "auto_config", "auto_paddle2onnx"}, faults)
    backend = values.get("backend")
    if backend is None:
        return []
    if backend in ("paddle", "onnxruntime", "openvino"):
        return [backend]
    faults.append(
        ConfigFault(
            "Predict.hpi_config.backend", f"{backend!r} has no counterpart here", "paddle, onnxruntime or openvino"
        )
    )
    return []


def _run_mode(key: str, value: str, faults: list[ConfigFault]) -> list[str]:
    if value in RUN_MODES:
        return ["paddle"]
    if (why := why_float32(value)) is not None:
        faults.append(ConfigFault(key, f"{value!r} {why}", FLOAT32_HINT))
        return []
    faults.append(ConfigFault(key, f"{value!r} has no counterpart here", f"one of {', '.join(RUN_MODES)}"))
    return []


def _refuse_others(key: str, values: dict[str, Any], known: set[str], faults: list[ConfigFault]) -> None:
    for name in sorted(set(values) - known):
        faults.append(ConfigFault(f"{key}.{name}", "has no counterpart here", f"known: {', '.join(sorted(known))}"))
