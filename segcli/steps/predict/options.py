"""What the `Predict` section selects of runtimes, by segcli's keys or PaddleX's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from segcli.config.paddlex_engines import ENGINES, backend_fault, engine_fault, run_mode_fault
from segcli.config.schema import PredictConfig
from segcli.data.decoding.pages import PAGED_SUFFIXES
from segcli.data.files import is_file
from segcli.data.suffixes import IMAGE_SUFFIXES, suffix_of
from segcli.errors import ConfigError, ConfigFault

_OF_ONE = IMAGE_SUFFIXES - PAGED_SUFFIXES


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


def expected_images(settings: PredictConfig) -> int | None:
    """1 where the input is the file of an image that is not cut into tiles; None where more may be computed, as of the
    pages of a TIFF file."""
    given = settings.input
    is_one = isinstance(given, (str, Path)) and suffix_of(str(given)).lower() in _OF_ONE and is_file(given)
    return 1 if is_one and settings.sliding_window is None else None


def _engine(value: str, faults: list[ConfigFault]) -> list[str]:
    return [ENGINES[value]] if _is_known(engine_fault("Predict.engine", value), faults) else []


def _engine_config(values: dict[str, Any], faults: list[ConfigFault]) -> list[str]:
    _refuse_others("Predict.engine_config", values, {"run_mode"}, faults)
    return _run_mode("Predict.engine_config.run_mode", values["run_mode"], faults) if "run_mode" in values else []


def _hpi_config(values: dict[str, Any], faults: list[ConfigFault]) -> list[str]:
    _refuse_others("Predict.hpi_config", values, {"backend", "auto_config", "auto_paddle2onnx"}, faults)
    backend = values.get("backend")
    if backend is None:
        return []
    return [str(backend)] if _is_known(backend_fault("Predict.hpi_config.backend", backend), faults) else []


def _run_mode(key: str, value: object, faults: list[ConfigFault]) -> list[str]:
    return ["paddle"] if _is_known(run_mode_fault(key, str(value)), faults) else []


def _is_known(fault: ConfigFault | None, faults: list[ConfigFault]) -> bool:
    faults.extend([fault] if fault is not None else [])
    return fault is None


def _refuse_others(key: str, values: dict[str, Any], known: set[str], faults: list[ConfigFault]) -> None:
    for name in sorted(set(values) - known):
        faults.append(ConfigFault(f"{key}.{name}", "has no counterpart here", f"known: {', '.join(sorted(known))}"))
