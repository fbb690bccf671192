"""KServe's tensors (Open Inference Protocol 2): JSON, and its binary extension."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.image import RgbImage
from segcli.serve.faults import BAD, RefusedError
from segcli.steps.predict.instance_results import InstanceResult
from segcli.steps.predict.promptable_results import PromptableResult
from segcli.steps.predict.semantic_results import SegResult

DTYPES = {"UINT8": np.uint8, "FP32": np.float32, "INT64": np.int64}
BINARY_SIZE = "binary_data_size"
INPUT = "image"


@dataclass(frozen=True)
class Tensor:
    """A named array, or a list of byte strings.

    Attributes:
        name: Its name.
        datatype: ``UINT8``, ``FP32``, ``INT64`` or ``BYTES``.
        values: The array, or the byte strings of a ``BYTES`` tensor.
    """

    name: str
    datatype: str
    values: NDArray[Any] | Sequence[bytes]

    @property
    def shape(self) -> list[int]:
        """Shape of the array, or the number of strings."""
        return list(self.values.shape) if isinstance(self.values, np.ndarray) else [len(self.values)]

    @property
    def binary(self) -> bytes:
        """The data in the binary extension's form: little endian, each string after its length (uint32)."""
        if isinstance(self.values, np.ndarray):
            return np.ascontiguousarray(self.values).tobytes()
        return b"".join(struct.pack("<I", len(value)) + value for value in self.values)

    def head(self, *, binary: bool) -> dict[str, Any]:
        """The tensor as JSON; with `binary`, its size in bytes instead of the data."""
        values = {"name": self.name, "datatype": self.datatype, "shape": self.shape}
        if binary:
            return {**values, "parameters": {BINARY_SIZE: len(self.binary)}}
        if isinstance(self.values, np.ndarray):
            return {**values, "data": self.values.reshape(-1).tolist()}
        return {**values, "data": [value.decode() for value in self.values]}


def read_request(body: bytes, header_length: str | None) -> tuple[dict[str, Any], bytes]:
    """The JSON of a request, and the binary data after it.

    Raises:
        RefusedError: The header's length is invalid, or the body is not a JSON object.
    """
    if header_length is not None and not (header_length.isdigit() and int(header_length) <= len(body)):
        raise RefusedError(BAD, "Inference-Header-Content-Length is not a length within the body")
    end = len(body) if header_length is None else int(header_length)
    try:
        values = json.loads(body[:end])
    except (ValueError, RecursionError) as fault:
        raise RefusedError(BAD, f"the body is not valid JSON: {fault}") from fault
    if not isinstance(values, dict):
        raise RefusedError(BAD, "the body is not a JSON object")
    return values, body[end:]


def read_image(values: Mapping[str, Any], binary: bytes) -> str | bytes | RgbImage:
    """The image of a request: text (base64 or URL), a file's content, or pixels (RGB, uint8 [H, W, 3]).

    Raises:
        RefusedError: The input is not a single valid image tensor.
    """
    inputs = values.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise RefusedError(BAD, f"inputs: expected a list of one tensor, {INPUT}")
    tensor = inputs[0]
    if tensor.get("name") != INPUT:
        raise RefusedError(BAD, f"inputs: the tensor must be named {INPUT}, not {tensor.get('name')!r}")
    kind = tensor.get("datatype")
    size = (tensor.get("parameters") or {}).get(BINARY_SIZE) if isinstance(tensor.get("parameters"), dict) else None
    if size is not None and size != len(binary):
        raise RefusedError(BAD, f"inputs: {BINARY_SIZE} is {size!r}; {len(binary)} bytes follow the JSON")
    if kind == "BYTES":
        return _file(tensor, binary if size is not None else None)
    if kind == "UINT8":
        return _pixels(tensor, binary if size is not None else None)
    raise RefusedError(BAD, f"inputs: datatype is {kind!r}; expected BYTES (a file) or UINT8 (pixels)")


def _file(tensor: Mapping[str, Any], binary: bytes | None) -> str | bytes:
    if binary is not None:
        if len(binary) < 4 or struct.unpack("<I", binary[:4])[0] != len(binary) - 4:
            raise RefusedError(BAD, "inputs: BYTES must be one string: four bytes of length, then the image file")
        return binary[4:]
    data = tensor.get("data")
    if not (isinstance(data, list) and len(data) == 1 and isinstance(data[0], str)):
        raise RefusedError(BAD, "inputs: data must be a list of one text, the image file as base64")
    return data[0]


def _pixels(tensor: Mapping[str, Any], binary: bytes | None) -> RgbImage:
    shape = tensor.get("shape")
    sides = shape if isinstance(shape, list) and all(isinstance(side, int) and side > 0 for side in shape) else []
    if sides[-1:] != [3] or len(sides) not in (3, 4) or (len(sides) == 4 and sides[0] != 1):
        raise RefusedError(BAD, f"inputs: shape is {shape!r}; expected [height, width, 3], RGB")
    try:
        values = np.frombuffer(binary, np.uint8) if binary is not None else np.array(tensor.get("data"), np.uint8)
        return np.ascontiguousarray(values.reshape(sides[-3:]))
    except (ValueError, TypeError, OverflowError) as fault:
        raise RefusedError(BAD, f"inputs: data does not fill the shape {shape} with values of 0 to 255") from fault


def write_reply(
    head: dict[str, Any], tensors: Sequence[Tensor], wanted: Any, parameters: Any
) -> tuple[bytes, int | None]:
    """The body of a reply and, where it has binary data, the length of its JSON.

    Args:
        head: Fields before the outputs.
        tensors: All outputs.
        wanted: The request's `outputs`; None or empty selects all.
        parameters: The request's `parameters`; ``binary_data_output`` makes all outputs binary.

    Raises:
        RefusedError: The request names an unknown output.
    """
    known = {tensor.name: tensor for tensor in tensors}
    rows = wanted if isinstance(wanted, list) and wanted else [{"name": name} for name in known]
    everything = isinstance(parameters, dict) and bool(parameters.get("binary_data_output"))
    outputs, blobs = [], []
    for row in rows:
        name = row.get("name") if isinstance(row, dict) else None
        if name not in known:
            raise RefusedError(BAD, f"outputs: there is no output {name!r}; there are {', '.join(known)}")
        own = row.get("parameters")
        binary = bool(own.get("binary_data", everything)) if isinstance(own, dict) else everything
        outputs.append(known[name].head(binary=binary))
        if binary:
            blobs.append(known[name].binary)
    text = json.dumps({**head, "outputs": outputs}).encode()
    return text + b"".join(blobs), len(text) if blobs else None


def semantic_tensors(result: SegResult) -> list[Tensor]:
    """The label map as a tensor [1, H, W]."""
    return [Tensor("labels", "UINT8", result.labels[None])]


def instance_tensors(result: InstanceResult) -> list[Tensor]:
    """Boxes, classes, scores, and masks as COCO's run-length codes in JSON."""
    boxes = result["boxes"]
    coordinates = np.array([box["coordinate"] for box in boxes], np.float32).reshape(-1, 4)
    return [
        Tensor("boxes", "FP32", coordinates),
        Tensor("classes", "INT64", np.array([box["cls_id"] for box in boxes], np.int64)),
        Tensor("scores", "FP32", np.array([box["score"] for box in boxes], np.float32)),
        Tensor("masks", "BYTES", [json.dumps(code).encode() for code in result.codes]),
    ]


def promptable_tensors(result: PromptableResult) -> list[Tensor]:
    """Scores, and masks as COCO's run-length codes in JSON."""
    return [
        Tensor("scores", "FP32", np.array([answer.score for answer in result.answers], np.float32)),
        Tensor("masks", "BYTES", [json.dumps(answer.rle).encode() for answer in result.answers]),
    ]
