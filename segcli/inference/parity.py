"""Compares the outputs of a written file with those of the trained network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.errors import ParityError
from segcli.inference.preprocess import Forward, NetworkInput
from segcli.inference.runtimes.protocol import Runtime

_IDS_MAY_DIFFER = 1e-3
"""Share of pixels that may differ if a program returns ids, which do not show how close the decision was."""


@dataclass(frozen=True)
class Parity:
    """How well one written file agrees with the trained network.

    Attributes:
        runtime: Name of the runtime that ran the file.
        file: Name of the file.
        images: Number of images compared.
        max_abs_diff: Largest difference of a logit; None for a file that returns labels only.
        max_rel_diff: The same, relative to the largest absolute logit.
        label_agreement: Share of the pixels with the same class.
    """

    runtime: str
    file: str
    images: int
    max_abs_diff: float | None
    max_rel_diff: float | None
    label_agreement: float

    def summary(self) -> str:
        """One line."""
        off = "" if self.max_rel_diff is None else f", logits off by {self.max_rel_diff:.1e} at most"
        return f"{self.label_agreement:.4%} of labels equal ({self.runtime}{off})"


@dataclass(frozen=True)
class Reference:
    """The outputs of the trained network for some images.

    Attributes:
        inputs: Normalised images, [1, 3, H, W] each.
        logits: Their logits, [1, classes, H, W] each; or integer class ids, for programs that return these.
    """

    inputs: tuple[NetworkInput, ...]
    logits: tuple[NDArray[np.float32], ...]

    @staticmethod
    def of(forward: Forward, inputs: Sequence[NetworkInput]) -> Reference:
        """Runs the trained network."""
        return Reference(tuple(inputs), tuple(forward(batch) for batch in inputs))

    def first(self) -> Reference:
        """The reference of the first image only."""
        return Reference(self.inputs[:1], self.logits[:1])

    @property
    def scale(self) -> float:
        """The largest absolute logit; 1 if all are 0."""
        return max(float(np.abs(logits).max()) for logits in self.logits) or 1.0


def compare(runtime: Runtime, file: Path, reference: Reference, tolerance: float) -> Parity:
    """Compares one written file with the trained network.

    Args:
        runtime: The file, opened.
        file: Path of the file.
        reference: The outputs of the trained network.
        tolerance: Largest difference of the logits, relative to the largest of them. Labels must agree wherever the
            best two logits differ by more than twice the tolerance.

    Raises:
        ParityError: The outputs differ by more, or have another shape.
    """
    margin = 2 * tolerance * reference.scale
    differences: list[float] = []
    equal = decided_wrong = pixels = 0
    for batch, expected in zip(reference.inputs, reference.logits, strict=True):
        output = runtime.run(batch)
        truth = _labels(expected)
        if np.issubdtype(output.dtype, np.integer):
            labels = output.reshape(truth.shape)
        else:
            if not _is_ids(expected):
                _require_shape(output, expected, file)
                differences.append(_difference(output, expected))
            labels = output.argmax(axis=1)
        wrong = labels != truth
        pixels += wrong.size
        equal += int(wrong.size - wrong.sum())
        if not _is_ids(expected):
            decided_wrong += int((wrong & (_lead(expected) > margin)).sum())
        elif wrong.mean() > _IDS_MAY_DIFFER:
            decided_wrong += int(wrong.sum())
    parity = Parity(
        runtime=runtime.name,
        file=file.name,
        images=len(reference.inputs),
        max_abs_diff=max(differences, default=None),
        max_rel_diff=max(differences) / reference.scale if differences else None,
        label_agreement=equal / pixels,
    )
    _judge(parity, decided_wrong, tolerance, file)
    return parity


def _judge(parity: Parity, decided_wrong: int, tolerance: float, file: Path) -> None:
    relative = parity.max_rel_diff
    if relative is not None and not relative <= tolerance:
        raise ParityError(
            f"its logits are off by {relative:.2e} of the largest on {parity.runtime}, allowed is {tolerance:.0e}",
            path=file,
            hint="report the model; Export.tolerance allows more",
        )
    if decided_wrong:
        raise ParityError(
            f"gives {decided_wrong} pixels another class on {parity.runtime} than the trained network",
            path=file,
            hint="report the model",
        )


def _is_ids(output: NDArray[Any]) -> bool:
    """Whether a network returns class ids instead of logits, as third-party programs do."""
    return bool(np.issubdtype(output.dtype, np.integer))


def _labels(output: NDArray[Any]) -> NDArray[Any]:
    """Class ids [N, H, W] of logits or ids."""
    if _is_ids(output):
        return output.reshape(output.shape[0], *output.shape[-2:])
    return np.asarray(output.argmax(axis=1))


def _require_shape(output: NDArray[Any], expected: NDArray[np.float32], file: Path) -> None:
    if output.shape != expected.shape:
        raise ParityError(f"gives shape {output.shape}, the trained network {expected.shape}", path=file)


def _difference(output: NDArray[Any], expected: NDArray[np.float32]) -> float:
    if not np.isfinite(output).all():
        return float("inf")
    return float(np.abs(output - expected).max())


def _lead(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Difference between the largest and the second largest logit, [N, H, W]; 0 for a single class."""
    if logits.shape[1] == 1:
        return np.zeros((logits.shape[0], *logits.shape[2:]), np.float32)
    best_two = np.partition(logits, -2, axis=1)[:, -2:]
    return np.asarray(best_two[:, 1] - best_two[:, 0], np.float32)
