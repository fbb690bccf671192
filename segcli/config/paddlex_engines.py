"""PaddleX's words for what runs an exported model: `engine`, `run_mode` and the backends of `hpi_config`."""

from __future__ import annotations

from segcli.config.suggest import did_you_mean, near
from segcli.errors import ConfigFault
from segcli.runtimes import AUTO

ENGINES = {
    "paddle": "paddle",
    "paddle_static": "paddle",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "hpi": AUTO,
    "flexible": AUTO,
}
"""The runtime of each `engine`; an exported model runs as a static graph, so `paddle_dynamic` has no meaning here."""

RUN_MODES = ("paddle", "mkldnn")
"""Values of `run_mode` for Paddle on the CPU; segcli's Paddle runtime uses oneDNN wherever it works."""
_FEWER_BITS = "mkldnn_"
"""What modes that compute with fewer bits on the CPU begin with."""

_BACKENDS = tuple(dict.fromkeys(runtime for runtime in ENGINES.values() if runtime != AUTO))


def engine_fault(key: str, value: str) -> ConfigFault | None:
    """What is wrong with an `engine`, or None."""
    return _unknown(key, value, ENGINES)


def backend_fault(key: str, value: object) -> ConfigFault | None:
    """What is wrong with the `backend` of `hpi_config`, or None."""
    return _unknown(key, value, _BACKENDS)


def run_mode_fault(key: str, value: str) -> ConfigFault | None:
    """What is wrong with a `run_mode`, or None; those of fewer bits are refused."""
    if value.startswith(_FEWER_BITS):
        return ConfigFault(
            key,
            f"is {value!r}, which asks for fewer bits: they change outputs, so a model is made with them and measured",
            "leave it out; `segcli models quantize` makes a model of 8 or 16 bits and says what its score is then",
        )
    if value in RUN_MODES:
        return None
    message = f"is {value!r}; expected {' or '.join(RUN_MODES)}, other modes are not supported"
    return ConfigFault(key, message, "Predict.runtime chooses the runtime")


def _unknown(key: str, value: object, known: dict[str, str] | tuple[str, ...]) -> ConfigFault | None:
    if value in known:
        return None
    return ConfigFault(key, f"is {value!r}; expected {', '.join(known)}", did_you_mean(near(str(value), known)))
