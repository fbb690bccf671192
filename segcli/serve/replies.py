"""Converts results into replies: PaddleX's values, or compact ones on request."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from segcli.data import rle
from segcli.data.image import Labels
from segcli.data.rle import Rle
from segcli.data.traced_mask import TracedMask
from segcli.serve.masks import (
    MASK_FORMS,
    jpeg_base64,
    label_codes,
    label_map_text,
    labelme_value,
    png_base64,
    raw_base64,
    rle_value,
)
from segcli.steps.predict.instance_results import InstanceResult
from segcli.steps.predict.promptable_results import PromptableResult
from segcli.steps.predict.semantic_results import SegResult
from segcli.steps.predict.writers import label_image

_PLACE = '"labelMap": "@"'


@dataclass(frozen=True)
class Reply:
    """The content of `result` in a reply.

    Attributes:
        values: Plain values.
        label_map: Written as `labelMap` by a faster encoder than the json module.
    """

    values: dict[str, Any]
    label_map: Labels | None = field(default=None)

    def body(self, log_id: str) -> bytes:
        """The whole reply as JSON in PaddleX's envelope."""
        values = self.values if self.label_map is None else {"labelMap": "@", **self.values}
        text = json.dumps({"logId": log_id, "errorCode": 0, "errorMsg": "Success", "result": values}).encode()
        if self.label_map is None:
            return text
        return text.replace(_PLACE.encode(), b'"labelMap": ' + label_map_text(self.label_map), 1)


def fault_body(path: str, status: int, message: str, log_id: str | None = None) -> dict[str, Any]:
    """The body of an error reply, in PaddleX's or KServe's form."""
    if path.startswith("/v2"):
        return {"error": message}
    return {"logId": log_id or new_log_id(), "errorCode": status, "errorMsg": message}


def new_log_id() -> str:
    """A new id for a request that has none."""
    return str(uuid4())


def semantic_reply(result: SegResult, request: Any, *, visualize: bool) -> Reply:
    """The reply of `POST /semantic-segmentation`."""
    labels, classes = result.labels, result.classes
    values: dict[str, Any] = {"size": list(labels.shape)}
    if request.mask_format == "png":
        values["labelMapPng"] = png_base64(labels)
    if request.mask_format == "raw":
        values["labelMapRaw"] = raw_base64(labels)
    codes: dict[int, Rle] = label_codes(labels) if request.mask_format == "rle" or request.label_me else {}
    if request.mask_format == "rle":
        values["classes"] = [
            {"categoryId": class_id, "categoryName": classes.name_of(class_id), "mask": rle_value(code)}
            for class_id, code in codes.items()
        ]
    if visualize:
        values["image"] = jpeg_base64(_array(label_image(labels, classes).convert("RGB")))
    if request.label_me:  # no shapes for the background
        named = [(classes.name_of(class_id), TracedMask(code)) for class_id, code in codes.items() if class_id > 0]
        values["labelMe"] = labelme_value(named, result.rgb)
    return Reply(values, labels if request.mask_format == "labelMap" else None)


def instance_reply(result: InstanceResult, request: Any, *, visualize: bool) -> Reply:
    """The reply of `POST /instance-segmentation`."""
    masks = (
        [rle_value(rle.encode(mask)) for mask in result["masks"]]
        if request.mask_format == "box"
        else [MASK_FORMS[request.mask_format](mask) for mask in result.traced]
    )
    values: dict[str, Any] = {
        "instances": [
            {
                "bbox": box["coordinate"],
                "categoryId": box["cls_id"],
                "categoryName": str(box["label"]),
                "score": box["score"],
                "mask": mask,
            }
            for box, mask in zip(result["boxes"], masks, strict=True)
        ]
    }
    if visualize:
        values["image"] = jpeg_base64(result.drawn())
    if request.label_me:
        named = [(str(box["label"]), mask) for box, mask in zip(result["boxes"], result.traced, strict=True)]
        values["labelMe"] = labelme_value(named, result.rgb)
    return Reply(values)


def promptable_reply(result: PromptableResult, request: Any, *, visualize: bool) -> Reply:
    """The reply of `POST /open-vocabulary-segmentation` and `/text-driven-segmentation`."""
    values: dict[str, Any] = {
        "masks": [MASK_FORMS[request.mask_format](mask) for mask in result.traced],
        "maskInfos": result["mask_infos"],
    }
    if visualize:
        values["image"] = jpeg_base64(result.overlay())
    if request.label_me:
        named = [(found.label, found.mask) for found in result.objects]
        values["labelMe"] = labelme_value(named, result.rgb)
    return Reply(values)


def _array(image: Any) -> Any:
    import numpy as np

    return np.asarray(image)
