"""Exponential moving average of the weights."""

from __future__ import annotations

from copy import deepcopy

from segcli.engine import Network
from segcli.steps.train.state import Callback, TrainState

DEFAULT_DECAY = 0.9998


class WeightAverage(Callback):
    """Keeps `average <- decay * average + (1 - decay) * weights` after each iteration.

    The decay grows from 0.1 to its full value over the first iterations (min(decay, (1 + t) / (10 + t))), so that the
    random start is forgotten. Buffers (running means and variances) are averaged with the parameters.

    Attributes:
        network: The averaged copy, in evaluation mode.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.network = deepcopy(network)
        self.network.eval()
        for parameter in self.network.parameters():
            parameter.stop_gradient = True
        self._decay = decay

    def on_step(self, state: TrainState) -> None:
        """Moves the average towards the weights."""
        import paddle

        decay = min(self._decay, (1 + state.iteration) / (10 + state.iteration))
        current = state.session.network.state_dict()
        with paddle.no_grad():
            for name, tensor in self.network.state_dict().items():
                fresh = current[name].detach()
                if paddle.is_floating_point(tensor):
                    fresh = decay * tensor + (1 - decay) * fresh
                paddle.assign(fresh, tensor)
