"""PaddleX's pipeline `semantic_segmentation`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from segcli.config.schema import PredictConfig
from segcli.data.sources import Input
from segcli.errors import InputError
from segcli.steps.pipelines.pipeline import LazyModel, Pipeline
from segcli.steps.pipelines.settings import SubModule
from segcli.steps.predict.image_result import ImageResult
from segcli.steps.predict.model import TargetSize

KEY = "SemanticSegmentation"


class SemanticSegmentation(Pipeline):
    """A class for every pixel."""

    name = "semantic_segmentation"
    modules = (SubModule(KEY, "PP-LiteSeg-T", "semantic_segmentation", {"target_size": None, "sliding_window": None}),)

    def chosen(self, **arguments: Any) -> tuple[LazyModel, PredictConfig]:
        """The model, with the requested target size."""
        return self.models[KEY], self.settings_for(KEY, **arguments)

    def predict(
        self,
        input: Input,
        *,
        target_size: TargetSize = None,
        left_out: list[InputError] | None = None,
        **arguments: Any,
    ) -> Iterator[ImageResult]:
        """Results (`segcli.steps.predict.semantic_results.SegResult`) one by one, in order.

        Args:
            input: An image, folder, glob, list file, PDF, URL, array (BGR), or a list of these.
            target_size: Size to resize images to before the network: a side, (width, height), or -1 for the
                image's own size; None uses the YAML's value.
            left_out: A list that receives the errors of unreadable inputs.
            arguments: Other keys of `Predict`, for this call.
        """
        return self._run(input, left_out, target_size=target_size, **arguments)
