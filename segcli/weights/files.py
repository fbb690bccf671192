"""Reads weight files of any known format, detected by content, and writes safetensors and ``.pdparams``."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import safetensors
import safetensors.numpy

from segcli.data.files import atomic_open, require_regular
from segcli.disk import FULL, full_hint
from segcli.errors import WeightsError, unreadable_weights
from segcli.weights.arrays import Array, bfloat16_to_float32, checked_shape
from segcli.weights.safe_pickle import read_pdparams
from segcli.weights.torch_file import LEGACY_MAGIC_NUMBER, read_torch

_SAFETENSORS_TYPES: dict[str, str] = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1", "C64": "<c8",
}  # fmt: skip
_SAFETENSORS_NAMES = {np.dtype(code): name for name, code in _SAFETENSORS_TYPES.items() if name != "BF16"}
_LEGACY_TORCH_START = pickle.dumps(LEGACY_MAGIC_NUMBER, protocol=2)


def read_weights(path: str | Path) -> dict[str, Array]:
    """Reads ``.pdparams``, safetensors, or torch's zip and legacy files; the format is detected by content.

    Nothing in the file is executed.

    Returns:
        Name -> array in the file's own layout. bfloat16 becomes float32; all other types stay.

    Raises:
        WeightsError: The file is missing, damaged, of an unknown format, or refused.
    """
    source = Path(path)
    return _READERS[weight_format(source)](source)


def weight_format(path: str | Path) -> str:
    """The format of a weight file: ``pdparams``, ``safetensors`` or ``torch``.

    Raises:
        WeightsError: The file is missing or has none of these formats; the message names other known kinds of files.
    """
    source = Path(path)
    if source.is_dir():
        raise WeightsError("is a folder, not a weight file", path=source)
    try:
        require_regular(source)
        with source.open("rb") as stream:
            start = stream.read(64)
    except OSError as error:
        raise unreadable_weights(error, source) from error
    if (start.startswith(b"PK") and zipfile.is_zipfile(source)) or start.startswith(_LEGACY_TORCH_START):
        return "torch"
    if len(start) > 8 and start[8:9] == b"{":
        return "safetensors"
    if len(start) > 2 and start[0] == 0x80 and start[1] <= pickle.HIGHEST_PROTOCOL:
        return "pdparams"
    message, hint = _describe_unknown(start)
    raise WeightsError(message, path=source, hint=hint)


def _describe_unknown(start: bytes) -> tuple[str, str]:
    again = "fetch the file itself again"
    if not start:
        return "is empty", again
    if start.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the weights", "run git lfs pull, or fetch the file itself"
    if start.lstrip()[:1] == b"<":
        return "is a web page, not a weight file", again
    if start.startswith(b"PK"):
        return "is a truncated zip archive", again
    return "is no weight file that segcli knows", "give .pdparams, .safetensors, or a torch .pth/.pt/.bin/.ckpt file"


def read_safetensors(path: str | Path) -> dict[str, Array]:
    """Reads a safetensors file (https://github.com/huggingface/safetensors, section Format).

    Raises:
        WeightsError: The header or a tensor's range is malformed, or a type (such as float8) is not supported.
    """
    source = Path(path)
    try:
        entries = safetensors.deserialize(source.read_bytes())  # type: ignore[no-untyped-call]
    except OSError as error:
        raise unreadable_weights(error, source) from error
    except safetensors.SafetensorError as error:
        raise WeightsError(f"is no intact safetensors file: {error}", path=source, hint="fetch it again") from error
    return {name: _safetensors_array(name, entry, source) for name, entry in entries}


def _safetensors_array(name: str, entry: Mapping[str, Any], source: Path) -> Array:
    kind = entry["dtype"]
    if kind not in _SAFETENSORS_TYPES:
        raise WeightsError(f"{name} has the type {kind}, which is not supported", path=source)
    try:
        array = np.frombuffer(entry["data"], _SAFETENSORS_TYPES[kind]).reshape(checked_shape(entry["shape"]))
    except (WeightsError, ValueError) as fault:
        raise WeightsError(f"the shape of {name} is not usable: {fault}", path=source, hint="fetch it again") from fault
    return bfloat16_to_float32(array) if kind == "BF16" else array


def write_safetensors(
    path: str | Path, tensors: Mapping[str, Array], metadata: Mapping[str, str] | None = None
) -> None:
    """Writes a safetensors file, completely or not at all.

    Args:
        path: Target file.
        tensors: Name -> array.
        metadata: Texts for the header, such as the class names.

    Raises:
        WeightsError: An array has a type that the format lacks, or the file cannot be written.
    """
    arrays = {name: np.ascontiguousarray(array).reshape(np.shape(array)) for name, array in tensors.items()}
    for name, array in arrays.items():
        if array.dtype not in _SAFETENSORS_NAMES:
            raise WeightsError(f"{name} has the type {array.dtype}, which safetensors lacks", path=path)
    data = safetensors.numpy.save(arrays, dict(metadata) if metadata else None)
    _write_whole(Path(path), lambda stream: stream.write(data))


def write_pdparams(path: str | Path, tensors: Mapping[str, Array]) -> None:
    """Writes a file that `paddle.load` reads, completely or not at all.

    Raises:
        WeightsError: The file cannot be written.
    """
    table = {name: np.ascontiguousarray(array).reshape(np.shape(array)) for name, array in tensors.items()}
    _write_whole(Path(path), lambda stream: pickle.dump(table, stream, protocol=4))


def _write_whole(target: Path, write: Callable[[IO[bytes]], object]) -> None:
    try:
        with atomic_open(target) as stream:
            write(stream)
    except OSError as error:
        hint = full_hint(target) if error.errno in FULL else None
        raise WeightsError(f"cannot be written ({error.strerror})", path=target, hint=hint) from error


_READERS: dict[str, Callable[[Path], dict[str, Array]]] = {
    "pdparams": read_pdparams,
    "safetensors": read_safetensors,
    "torch": read_torch,
}
