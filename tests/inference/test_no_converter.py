"""What is said where a Paddle program cannot be converted to ONNX for want of the converter."""

from __future__ import annotations

from pathlib import Path

import pytest

from segcli.errors import MissingPartError
from segcli.inference import onnx_conversion


@pytest.mark.parametrize(
    ("first", "message", "remedy"),
    [((3, 0), "no wheel for Python", "Python 3.12 or older"), ((4, 0), "is not installed", "pip install paddle2onnx")],
)
def test_the_remedy_is_one_that_this_python_has(
    first: tuple[int, int], message: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(onnx_conversion, "NO_CONVERTER_FROM", first)
    monkeypatch.setattr(onnx_conversion, "converter_installed", lambda: False)
    with pytest.raises(MissingPartError, match=message) as caught:
        onnx_conversion.convert_program(tmp_path / "p.json", tmp_path / "p.pdiparams", tmp_path / "p.onnx")
    assert remedy in str(caught.value.hint)
