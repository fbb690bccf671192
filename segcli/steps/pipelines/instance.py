"""PaddleX's pipeline `instance_segmentation`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from segcli.config.schema import PredictConfig
from segcli.data.sources import Input
from segcli.errors import InputError
from segcli.steps.pipelines.pipeline import LazyModel, Pipeline
from segcli.steps.pipelines.settings import SubModule
from segcli.steps.predict.image_result import ImageResult

KEY = "InstanceSegmentation"


class InstanceSegmentation(Pipeline):
    """Objects with masks."""

    name = "instance_segmentation"
    modules = (SubModule(KEY, "Mask-RT-DETR-S", "instance_segmentation", {"threshold": 0.5}),)

    def chosen(self, **arguments: Any) -> tuple[LazyModel, PredictConfig]:
        """The model, with the requested threshold."""
        return self.models[KEY], self.settings_for(KEY, **arguments)

    def predict(
        self,
        input: Input,
        *,
        threshold: float | None = None,
        left_out: list[InputError] | None = None,
        **arguments: Any,
    ) -> Iterator[ImageResult]:
        """Results (`segcli.steps.predict.instance_results.InstanceResult`) one by one, in order.

        Args:
            input: An image, folder, glob, list file, PDF, URL, array (BGR), or a list of these.
            threshold: Lowest score of an object; None uses the YAML's value.
            left_out: A list that receives the errors of unreadable inputs.
            arguments: Other keys of `Predict`, for this call.
        """
        return self._run(input, left_out, threshold=threshold, **arguments)
