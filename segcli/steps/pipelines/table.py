"""The one table of pipelines. A new one is a row here and a module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from segcli.config.suggest import did_you_mean, near
from segcli.errors import UsageError
from segcli.lazy import load_object

if TYPE_CHECKING:
    from segcli.steps.pipelines.pipeline import Pipeline


@dataclass(frozen=True)
class PipelineRow:
    """One pipeline.

    Attributes:
        about: Description, for help and documentation.
        code: Import path of its class.
    """

    about: str
    code: str


PIPELINES: dict[str, PipelineRow] = {
    "semantic_segmentation": PipelineRow(
        "a class for every pixel", "segcli.steps.pipelines.semantic:SemanticSegmentation"
    ),
    "instance_segmentation": PipelineRow("objects with masks", "segcli.steps.pipelines.instance:InstanceSegmentation"),
    "open_vocabulary_segmentation": PipelineRow(
        "masks from boxes and points", "segcli.steps.pipelines.open_vocabulary:OpenVocabularySegmentation"
    ),
    "text_driven_segmentation": PipelineRow(
        "masks from texts", "segcli.steps.pipelines.text_driven:TextDrivenSegmentation"
    ),
}
"""Pipelines by PaddleX's names; the last is ModelScope's."""


def pipeline_class(name: str) -> type[Pipeline]:
    """Looks up the class of a pipeline.

    Raises:
        UsageError: There is no such pipeline.
    """
    if name not in PIPELINES:
        hint = did_you_mean(near(name, PIPELINES)) or f"pipelines: {', '.join(PIPELINES)}"
        raise UsageError(f"there is no pipeline called {name!r}", hint=hint)
    found: type[Pipeline] = load_object(PIPELINES[name].code)
    return found
