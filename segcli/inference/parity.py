"""Opens what was written and compares it with the trained network."""

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
"""Share of pixels that may differ where a program gives ids, which do not say how close the decision was."""


@dataclass(frozen=True)
class Parity:
    """How one written file agrees with the trained network.

    Attributes:
        runtime: What ran the file.
        file: Name of the file.
        images: Images compared.
        max_abs_diff: Largest difference of a logit; None for a file that gives labels alone.
        max_rel_diff: The same, relative to the largest logit.
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
        logits: Their logits, [1, classes, H, W] each; or class ids of an integer type, of programs that give these.
    """

    inputs: tuple[NetworkInput, ...]
    logits: tuple[NDArray[np.float32], ...]

    @staticmethod
    def of(forward: Forward, inputs: Sequence[NetworkInput]) -> Reference:
        """Runs the trained network."""
        return Reference(tuple(inputs), tuple(forward(batch) for batch in inputs))

    def first(self) -> Reference:
        """The first image alone."""
        return Reference(self.inputs[:1], self.logits[:1])

    @property
    def scale(self) -> float:
        """The largest logit."""
        return max(float(np.abs(logits).max()) for logits in self.logits) or 1.0


def compare(runtime: Runtime, file: Path, reference: Reference, tolerance: float) -> Parity:
    """Compares one written file with the trained network.

    Args:
        runtime: The file, opened.
        file: Its path.
        reference: What the trained network says.
        tolerance: Largest difference of the logits, relative to the largest of them. Labels must agree wherever the
            best two classes are further apart than the tolerance allows them to move.

    Raises:
        ParityError: They differ by more.
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
    """Whether a network gives class ids instead of logits, as the programs of other makers do."""
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
    """How far the best class is before the second best, [1, H, W]."""
    if logits.shape[1] == 1:
        return np.zeros((logits.shape[0], *logits.shape[2:]), np.float32)
    best_two = np.partition(logits, -2, axis=1)[:, -2:]
    return np.asarray(best_two[:, 1] - best_two[:, 0], np.float32)
