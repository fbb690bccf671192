"""How the outputs of a semantic network become probabilities."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

OutputValues = Literal["logits", "probabilities", "odds"]
"""Logits; probabilities of the classes, whatever their sum; or probabilities of two events, of which the likelier one
counts (a threshold and the value of a binary model)."""

_LEAST = 1e-30
"""Lower bound of probabilities before the logarithm is taken."""
_MOST_ODDS = 700.0
"""Upper bound of log-odds, whose exponential is still a number."""
_MOST = float(np.nextafter(np.float32(1), np.float32(0)))


@dataclass(frozen=True)
class Activation:
    """How outputs become probabilities: as logits, divided by a temperature, through the softmax.

    Attributes:
        temperature: Divides the logits (Guo et al. 2017).
        values: What the outputs are.
    """

    temperature: float = 1.0
    values: OutputValues = "logits"

    def logits(self, outputs: NDArray[Any]) -> NDArray[np.float32]:
        """Values whose softmax is the probabilities at a temperature of 1.

        >>> Activation(values="probabilities").logits(np.array([0.5, 0.25, 0.25])).round(2).tolist()
        [-0.6899999976158142, -1.3899999856948853, -1.3899999856948853]
        """
        if self.values == "logits":
            return np.asarray(outputs, np.float32)
        found = np.log(np.maximum(outputs, np.float32(_LEAST)), dtype=np.float32)
        if self.values == "odds":
            found -= np.log1p(-np.minimum(outputs, np.float32(_MOST)), dtype=np.float32)
        return np.asarray(found, np.float32)

    def of_logits(self) -> Activation:
        """The same for outputs that are already logits."""
        return replace(self, values="logits")


PLAIN = Activation()
"""Logits at a temperature of 1."""


def tempered(chances: NDArray[Any] | float, temperature: float) -> NDArray[np.float64]:
    """Chances of single events whose log-odds are divided by a temperature; their order stays, and so do 0, 0.5 and 1.

    >>> tempered(np.array([0.0, 0.5, 0.8, 1.0]), 2.0).round(3).tolist()
    [0.0, 0.5, 0.667, 1.0]
    """
    known = np.asarray(chances, np.float64)
    with np.errstate(divide="ignore"):
        odds = (np.log1p(-known) - np.log(known)) / temperature
    return np.asarray(1 / (1 + np.exp(np.minimum(odds, _MOST_ODDS))), np.float64) * (known > 0)
