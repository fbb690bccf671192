"""The table of served pipelines, each with its route, request and reply. A new pipeline is a new row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from segcli.serve.replies import Reply, instance_reply, promptable_reply, semantic_reply
from segcli.serve.schemas import ImageRequest, InstanceRequest, OpenVocabularyRequest, SemanticRequest, TextRequest
from segcli.serve.tensors import Tensor, instance_tensors, promptable_tensors, semantic_tensors


@dataclass(frozen=True)
class Kind:
    """Route, request and reply of one pipeline.

    Attributes:
        route: Path of PaddleX's route.
        request: Model of the request body.
        reply: Converts a result into a reply.
        outputs: KServe's output tensors: name -> datatype and shape.
        tensors: Converts a result into these tensors.
    """

    route: str
    request: type[ImageRequest]
    reply: Callable[..., Reply]
    outputs: Mapping[str, tuple[str, list[int]]]
    tensors: Callable[[Any], list[Tensor]]


_MASKS = {"masks": ("BYTES", [-1]), "scores": ("FP32", [-1])}

KINDS: dict[str, Kind] = {
    "semantic_segmentation": Kind(
        "/semantic-segmentation",
        SemanticRequest,
        semantic_reply,
        {"labels": ("UINT8", [1, -1, -1])},
        semantic_tensors,
    ),
    "instance_segmentation": Kind(
        "/instance-segmentation",
        InstanceRequest,
        instance_reply,
        {"boxes": ("FP32", [-1, 4]), "classes": ("INT64", [-1]), **_MASKS},
        instance_tensors,
    ),
    "open_vocabulary_segmentation": Kind(
        "/open-vocabulary-segmentation", OpenVocabularyRequest, promptable_reply, _MASKS, promptable_tensors
    ),
    "text_driven_segmentation": Kind(
        "/text-driven-segmentation", TextRequest, promptable_reply, _MASKS, promptable_tensors
    ),
}
"""By name of the pipeline."""
