"""What is told of the errors of runtimes."""

from __future__ import annotations

import pytest

from segcli.errors import WeightsError
from segcli.inference.runtimes.open_graph import first_line

PLACES = "Exception from src/inference/src/cpp/core.cpp:117:\nException from src/inference/src/dev/plugin.cpp:54:\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{PLACES}Check 'edge' failed at src/node.cpp:703:\nNode 7 has an empty edge\n\n", "Node 7 has an empty edge"),
        (f"{PLACES}Check 'false' failed at src/node.cpp:703:\n", "Check 'false' failed at src/node.cpp:703:"),
        (f"{PLACES}Unable to read the model\n", "Unable to read the model"),
        ("\n  of no runtime\nmore", "of no runtime"),
        (PLACES, "RuntimeError"),
        ("", "RuntimeError"),
    ],
)
def test_the_places_in_a_runtimes_source_are_left_out(text, told):
    assert first_line(RuntimeError(text)) == told
    if told != "RuntimeError":
        ours = WeightsError(f"openvino cannot compute this model: {text.strip()}", path="inference.onnx")
        assert first_line(ours) == f"openvino cannot compute this model: {told}"
