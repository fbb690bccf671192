"""Exponential moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Literal

from segcli.engine import Network
from segcli.steps.train.state import Callback, TrainState

DEFAULT_DECAY = 0.9998

Growth = Literal["threshold", "exponential"]
_STEPS_OF_GROWTH = 2000
GROWTHS: dict[str, Callable[[float, int], float]] = {
    "threshold": lambda decay, iteration: min(decay, (1 + iteration) / (10 + iteration)),
    "exponential": lambda decay, iteration: decay * (1 - math.exp(-iteration / _STEPS_OF_GROWTH)),
}
"""PaddleDetection's warm-ups of the decay, which let the average forget the initial weights: a function of the full
decay and the iteration (from 1) that returns the decay of that iteration."""


class WeightAverage(Callback):
    """Keeps `average <- decay * average + (1 - decay) * weights` after each iteration.

    The decay grows to its full value over the first iterations, see `GROWTHS`. Buffers (running means and variances)
    are averaged with the parameters; frozen parameters are copied.

    Attributes:
        network: The averaged copy, in evaluation mode.
    """

    def __init__(self, network: Network, decay: float, growth: Growth = "threshold") -> None:
        self.network = deepcopy(network)
        self.network.eval()
        for parameter in self.network.parameters():
            parameter.stop_gradient = True
        self._decay = decay
        self._growth = GROWTHS[growth]
        # Paddle counts running means and variances among the parameters
        self._frozen = {
            name
            for name, value in network.named_parameters()
            if value.stop_gradient and not name.endswith(("_mean", "_variance"))
        }

    def on_step(self, state: TrainState) -> None:
        """Updates the average with the current weights."""
        import paddle

        decay = self._growth(self._decay, state.iteration)
        current = state.session.network.state_dict()
        with paddle.no_grad():
            for name, tensor in self.network.state_dict().items():
                fresh = current[name].detach()
                if paddle.is_floating_point(tensor) and name not in self._frozen:
                    fresh = decay * tensor + (1 - decay) * fresh
                paddle.assign(fresh, tensor)
