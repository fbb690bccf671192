"""An embedded image is the file beside it, or it is another: told without decoding either."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from segcli.data.formats.embedded_trace import EmbeddedTrace


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("size", [1, 2, 3, 47, 48, 49, 1_000, 100_001])
def test_the_same_bytes_are_the_same_image_and_no_others(tmp_path, size):
    data = np.random.default_rng(size).bytes(size)
    (tmp_path / "a").write_bytes(data)
    trace = EmbeddedTrace.of(text(data))
    assert trace is not None and trace.size == size and trace.is_of(tmp_path / "a")
    for other in (
        data[:-1],
        data + b"x",
        np.random.default_rng(size + 1).bytes(size),
        data[:-1] + bytes([data[-1] ^ 1]),
    ):
        (tmp_path / "a").write_bytes(other)
        assert not trace.is_of(tmp_path / "a")


@pytest.mark.parametrize("odd", ["", "abc", "ab\ncd", "é" * 8])
def test_no_base64_has_no_trace_or_one_of_no_file(tmp_path, odd):
    (tmp_path / "a").write_bytes(b"abc")
    trace = EmbeddedTrace.of(odd)
    assert trace is None or not trace.is_of(tmp_path / "a")
