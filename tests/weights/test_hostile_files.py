"""Small files that ask for much: refused by what they state, before the memory is taken."""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from segcli.errors import WeightsError
from segcli.weights.files import read_weights
from segcli.weights.safe_pickle import frombuffer, read_paddle_object
from tests.weights.torch_fixtures import Stored, plain, write_legacy, write_zip

PROTO = b"\x80\x04"


def _shared_tuples(levels: int) -> bytes:
    """((((), ()), ((), ())), ...): each level names the one below twice."""
    stream = b")\x94"
    for level in range(levels):
        stream += b"h" + bytes([level]) + b"h" + bytes([level]) + b"\x86\x94"
    return stream


PICKLES: dict[str, tuple[bytes, str]] = {
    "memo index 2^28": (PROTO + b"Nr" + (1 << 28).to_bytes(4, "little") + b".", "numbers an object"),
    "memo index as text": (PROTO + b"Np4294967295\n.", "numbers an object"),
    "a frame beyond the file": (PROTO + b"\x95" + (1 << 40).to_bytes(8, "little") + b"}.", "truncated"),
    "bytes beyond the file": (PROTO + b"\x8e" + (1 << 40).to_bytes(8, "little") + b"x.", "truncated"),
    "tuples that unfold to 2^40": (PROTO + _shared_tuples(40) + b".", "repeats parts"),
    "a key whose hash takes 2^40 steps": (PROTO + b"}" + _shared_tuples(40) + b"Ns.", "repeats parts"),
    "deep tuples": (PROTO + b")" + b"\x85" * 100_000 + b".", "nests more than"),
    "deep lists": (PROTO + b"]" * 100_000 + b"a" * 99_999 + b".", "nests more than"),
    "one text encoded again and again": (
        PROTO + b"c_codecs\nencode\n\x94X" + (1 << 20).to_bytes(4, "little") + b"x" * (1 << 20) + b"\x85\x94"
        + b"h\x00h\x01R0" * 20_000 + b"}.", "repeats parts",
    ),
    "the state of a function": (PROTO + b"c_codecs\nencode\n}b.", "sets the state of a function"),
    "a list in itself": (PROTO + b"}X\x01\x00\x00\x00w]\x94h\x00as.", "nested too deep, or in itself"),
}  # fmt: skip


@pytest.mark.parametrize("name", PICKLES)
def test_pickle_is_refused_by_what_it_states(tmp_path: Path, name: str) -> None:
    data, message = PICKLES[name]
    path = tmp_path / "a.pdparams"
    path.write_bytes(data)

    with pytest.raises(WeightsError, match=message) as error:
        read_weights(path)

    assert error.value.path == str(path)


def test_functions_are_as_before_after_a_hostile_file(tmp_path: Path) -> None:
    defaults = frombuffer.__defaults__
    call = b"cnumpy._core.numeric\n_frombuffer\nN}X\x0c\x00\x00\x00__defaults__X\x01\x00\x00\x00F\x85s\x86b."
    (tmp_path / "a.pdparams").write_bytes(PROTO + call)

    with pytest.raises(WeightsError):
        read_weights(tmp_path / "a.pdparams")

    assert frombuffer.__defaults__ == defaults


def test_views_of_the_same_bytes_are_counted(tmp_path: Path) -> None:
    """Each of 400 arrays of 1 MB names the same bytes."""
    bits = np.zeros(1 << 19, np.uint16)
    payload = bits.tobytes()
    head = PROTO + b"B" + len(payload).to_bytes(4, "little") + payload + b"\x940"
    dtype = b"cnumpy\ndtype\n\x94X\x02\x00\x00\x00u2\x85R\x940"
    call = b"cnumpy._core.numeric\n_frombuffer\n\x940"
    shape = b"J" + len(bits).to_bytes(4, "little") + b"\x85\x940"
    arrays = b"".join(b"\x8c\x04%04dh\x03(h\x00h\x02h\x04\x8c\x01CtRs" % number for number in range(400))
    (tmp_path / "a.pdparams").write_bytes(head + dtype + call + shape + b"}" + arrays + b".")

    with pytest.raises(WeightsError, match=r"times its size|repeats parts"):
        read_weights(tmp_path / "a.pdparams")


WRITERS: list[Callable[..., None]] = [write_zip, write_legacy]


@pytest.mark.parametrize("write", WRITERS)
def test_expanded_view_is_refused(tmp_path: Path, write: Callable[..., None]) -> None:
    path = tmp_path / "a.pth"
    write(path, OrderedDict(w=Stored(np.zeros(1, np.float32), "FloatStorage", (1_200_000_000,), (0,))))

    with pytest.raises(WeightsError, match="times its size"):
        read_weights(path)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("shape", "strides", "message"),
    [((1,) * 70, (1,) * 70, "70 dimensions"), ((1 << 30, 0, 1 << 40), (1, 1, 1), "larger than any memory")],
)
def test_odd_shapes_are_refused(
    tmp_path: Path, write: Callable[..., None], shape: tuple[int, ...], strides: tuple[int, ...], message: str
) -> None:
    path = tmp_path / "a.pth"
    write(path, OrderedDict(w=Stored(np.zeros(1, np.float32), "FloatStorage", shape, strides)))

    with pytest.raises(WeightsError, match=message):
        read_weights(path)


def test_stride_along_one_element_is_of_no_account(tmp_path: Path) -> None:
    column = Stored(np.arange(3, dtype=np.float32), "FloatStorage", (3, 1), (1, 1 << 62))
    write_zip(tmp_path / "a.pth", OrderedDict(w=column))

    assert read_weights(tmp_path / "a.pth")["w"].tolist() == [[0.0], [1.0], [2.0]]


def test_zip_bomb_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
        archive.writestr("archive/data/0", bytes(80 << 20))

    with pytest.raises(WeightsError, match="unpacks to"):
        read_weights(path)


def _changed(path: Path, change: Callable[[bytearray], None]) -> None:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)


def _encrypt(data: bytearray) -> None:
    """Sets the flag of an encrypted member in all headers."""
    for sign, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(sign)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(sign, at + 4)


def test_encrypted_zip(tmp_path: Path) -> None:
    write_zip(tmp_path / "a.pth", {"w": plain(np.zeros(3, np.float32))})
    _changed(tmp_path / "a.pth", _encrypt)

    with pytest.raises(WeightsError, match="damaged or encrypted"):
        read_weights(tmp_path / "a.pth")


def test_odd_byte_order(tmp_path: Path) -> None:
    write_zip(tmp_path / "a.pth", {"w": plain(np.zeros(3, np.float32))}, byteorder="middle")

    with pytest.raises(WeightsError, match="byte order"):
        read_weights(tmp_path / "a.pth")


def test_safetensors_of_70_dimensions(tmp_path: Path) -> None:
    data = safetensors.numpy.save({"w": np.zeros((1,) * 20, np.float32)})
    header = data[8:].split(b"}}")[0] + b"}}"
    longer = header.replace(b"[" + b",".join([b"1"] * 20) + b"]", b"[" + b",".join([b"1"] * 70) + b"]")
    (tmp_path / "a.safetensors").write_bytes(len(longer).to_bytes(8, "little") + longer + bytes(4))

    with pytest.raises(WeightsError, match="70 dimensions"):
        read_weights(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    "info", [3, {"slices": 3}, {"slices": ["w@@.0"], "OriginShape": (7,)}, {"slices": ["no"], "OriginShape": (4,)}]
)
def test_slices_that_fit_nothing(tmp_path: Path, info: Any) -> None:
    table = {"w@@.0": np.arange(4, dtype=np.float32), "UnpackBigParamInfor@@": {"w": info}}
    (tmp_path / "a.pdopt").write_bytes(pickle.dumps(table, protocol=2))

    with pytest.raises(WeightsError, match="slices of 'w'"):
        read_paddle_object(tmp_path / "a.pdopt")
