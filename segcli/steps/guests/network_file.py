"""Reads the inputs and outputs of an ONNX file without running its graph."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from segcli.errors import MissingPartError, WeightsError
from segcli.inference.first_opening import require_openable
from segcli.inference.graphs import Graph
from segcli.inference.paddle_weights import require_whole
from segcli.inference.runtimes.open_graph import first_line
from segcli.runtimes import is_importable, runtimes

PADDLE_SUFFIXES = (".json", ".pdmodel")
"""Suffixes of Paddle programs, whose weights lie beside them."""
_FREE = (-1, -1, -1, -1)
_TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}


@dataclass(frozen=True)
class Port:
    """An input or an output.

    Attributes:
        name: Name of the tensor.
        kind: Its type in ONNX Runtime's notation.
        shape: Its shape; -1 for a free side.
    """

    name: str
    kind: str
    shape: tuple[int, ...]

    @property
    def dtype(self) -> str | None:
        """Name of its NumPy dtype; None for a type that images cannot have."""
        return _TYPES.get(self.kind)

    def __str__(self) -> str:
        return f"{self.name} {list(self.shape)}"


@dataclass(frozen=True)
class NetworkFile:
    """Inputs and outputs of a file."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    @staticmethod
    def read(path: Path) -> NetworkFile:
        """Opens a file; for a Paddle program only names are known.

        Raises:
            MissingPartError: ONNX Runtime is not installed.
            WeightsError: It cannot be opened as an ONNX file or a Paddle program.
        """
        if not path.is_file():
            raise WeightsError("there is no such file", path=path).for_missing_path()
        if path.suffix in PADDLE_SUFFIXES:
            return _of_paddle(path)
        if not is_importable("onnxruntime"):
            raise MissingPartError("onnxruntime is not installed", hint="pip install onnxruntime")
        import onnxruntime

        require_openable(Graph(path.with_suffix(""), foreign=True), path, runtimes()["onnxruntime"])
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as fault:  # any: each parser has its own exceptions
            raise WeightsError(f"cannot be opened as an ONNX model: {first_line(fault)}", path=path) from fault
        return NetworkFile(_ports(session.get_inputs()), _ports(session.get_outputs()))


def _of_paddle(program: Path) -> NetworkFile:
    from paddle import inference

    weights = program.with_suffix(".pdiparams")
    if weights.is_file():
        require_whole(weights)
    require_openable(Graph(program.with_suffix(""), program, weights, foreign=True), program, runtimes()["paddle"])
    config = inference.Config(str(program), str(weights))
    config.disable_gpu()
    config.disable_glog_info()
    try:
        predictor = inference.create_predictor(config)
    except (RuntimeError, ValueError, OSError) as fault:
        raise WeightsError(f"cannot be opened as a Paddle program: {first_line(fault)}", path=program) from fault
    inputs = tuple(Port(name, "tensor(float)", _FREE) for name in predictor.get_input_names())
    return NetworkFile(inputs, tuple(Port(name, "tensor(float)", ()) for name in predictor.get_output_names()))


def external_files(path: Path) -> list[Path]:
    """Returns the files beside an ONNX file that hold its weights.

    Raises:
        WeightsError: One of them is missing, or is not beside it.
    """
    if find_spec("onnx") is None:
        return []
    import onnx
    from onnx.external_data_helper import ExternalDataInfo, _get_all_tensors, uses_external_data

    model = onnx.load(str(path), load_external_data=False)
    names = {ExternalDataInfo(one).location for one in _get_all_tensors(model) if uses_external_data(one)}
    files = [path.parent / name for name in sorted(names)]
    for file in files:
        if file.parent != path.parent or not file.is_file():
            raise WeightsError(f"its weights are in {file.name}, which is not beside it", path=path)
    return files


def _ports(values: Any) -> tuple[Port, ...]:
    return tuple(
        Port(value.name, value.type, tuple(side if isinstance(side, int) else -1 for side in value.shape))
        for value in values
    )
