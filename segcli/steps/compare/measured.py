"""The measurements of one path of a comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from segcli.config.schema import Config
from segcli.metrics.comparison import Run
from segcli.steps.evaluate.drawings import ImagePanels


@dataclass(frozen=True)
class MeasuredRun:
    """One measurement.

    Attributes:
        run: Its metrics and their bootstrap replicates.
        classes: Names of the classes.
        scores: Score of each image by name; None if not defined.
        draw: Draws an image by its name.
        main: Name of the metric by which models are compared.
        score: Name of the per-image score.
    """

    run: Run
    classes: tuple[str, ...]
    scores: dict[str, float | None]
    draw: Callable[[str], ImagePanels]
    main: str
    score: str


def replicate_count(config: Config) -> int:
    """Number of bootstrap replicates; 1000 where they are switched off, since a verdict needs them."""
    return config.Evaluate.bootstrap or 1000
