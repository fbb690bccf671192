"""The table of what is served: a pipeline, its route, its request and its reply. A new one is a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from segcli.serve.replies import Reply, instance_reply, prompted_reply, semantic_reply
from segcli.serve.schemas import ImageRequest, InstanceRequest, OpenVocabularyRequest, SemanticRequest, TextRequest
from segcli.serve.tensors import Tensor, instance_tensors, prompted_tensors, semantic_tensors


@dataclass(frozen=True)
class Kind:
    """What is served for one pipeline.

    Attributes:
        route: Of PaddleX's service.
        request: The body.
        reply: Makes the reply of a result.
        outputs: KServe's tensors: name -> type and shape.
        tensors: Makes them of a result.
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
        "/open-vocabulary-segmentation", OpenVocabularyRequest, prompted_reply, _MASKS, prompted_tensors
    ),
    "text_driven_segmentation": Kind(
        "/text-driven-segmentation", TextRequest, prompted_reply, _MASKS, prompted_tensors
    ),
}
"""By name of the pipeline."""
