"""`segcli serve` under load, masks of prompts; see `bench_serve`.

The networks are the tiny ones with random weights, which leave the most of the time to the service. On one image the
encoder of SAM runs once; of 64 images no embedding is kept long enough.
"""

from __future__ import annotations

from functools import partial

from tests.bench.served import Kind, measured
from tests.bench.table import Row
from tests.files import shared_folder
from tests.serve.service import promptable_yaml

_BOXES = [[20.0, 30.0, 200.0, 180.0], [5.0, 5.0, 60.0, 250.0]]
_BOX_FAULTS = (
    {},
    {"prompt": [[1, 2, 3]], "promptType": "box"},
    {"prompt": _BOXES, "promptType": "circle"},
    {"prompts": {"objects": [{"points": [[1, 2, 7]]}]}},
)
_TEXT_FAULTS = ({}, {"text": 3}, {"text": []})


def run() -> list[Row]:
    """Throughput, refusals and memory: boxes on many images and on one, then texts."""
    return [row for kind in (_boxes(64), _boxes(1), _texts()) for row in measured(kind)]


def _boxes(images: int) -> Kind:
    pipeline = "open_vocabulary_segmentation"
    return Kind(
        pipeline,
        "BoxPromptSegmentation",
        "SAM-tiny",
        partial(promptable_yaml, shared_folder(), pipeline),
        fields={"prompt": _BOXES, "promptType": "box"},
        arguments={"prompt": _BOXES, "prompt_type": "box"},
        faults=_BOX_FAULTS,
        images=images,
    )


def _texts() -> Kind:
    pipeline = "text_driven_segmentation"
    return Kind(
        pipeline,
        "TextPromptSegmentation",
        "LSeg-tiny",
        partial(promptable_yaml, shared_folder(), pipeline),
        fields={"text": ["a bear", "grass"]},
        arguments={"text": ["a bear", "grass"]},
        faults=_TEXT_FAULTS,
        images=64,
    )
