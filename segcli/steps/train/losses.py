"""Losses per iteration, which stay on the device until they are read.

Reading a number from a GPU waits for all queued work; reading at every step would prevent any overlap.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from segcli.engine import Network
from segcli.errors import NonFiniteLossError, TrainingError

if TYPE_CHECKING:
    from paddle import Tensor

REFUSED = "(InvalidArgument)"
"""In the message of an operator of Paddle that does not take its input."""
_HINT = "lower Train.learning_rate, add Train.warmup_steps, or check these images and their labels"


class StepLosses(Mapping[str, float]):
    """The losses of one iteration by name, read from the device once and together.

    Args:
        losses: Scalar tensors by name.
    """

    def __init__(self, losses: Mapping[str, Tensor]) -> None:
        import paddle

        self._names = tuple(losses)
        with paddle.no_grad():
            self._tensor = paddle.stack([loss.detach().astype("float32").reshape([]) for loss in losses.values()])
        self._values: dict[str, float] | None = None

    def __getitem__(self, name: str) -> float:
        if self._values is None:
            self._values = dict(zip(self._names, self._tensor.numpy().tolist(), strict=True))
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class FiniteWatch:
    """Finds the first iteration with a loss that is NaN or infinite, reading losses only now and then.

    Args:
        interval: Iterations between two checks; 1 where reading costs nothing (on the CPU).
    """

    def __init__(self, interval: int = 1) -> None:
        self._interval = interval
        self._waiting: list[tuple[int, StepLosses, tuple[str, ...]]] = []

    def add(self, iteration: int, losses: StepLosses, paths: tuple[str, ...], *, due: bool) -> None:
        """Adds an iteration; checks all added ones every `interval` iterations, or now if `due`.

        Raises:
            NonFiniteLossError: A loss became NaN or infinite; names the iteration and the images of its batch.
        """
        self._waiting.append((iteration, losses, paths))
        if due or len(self._waiting) >= self._interval:
            self.look()

    def look(self) -> None:
        """Checks all iterations added since the last check.

        Raises:
            NonFiniteLossError: As for `add`.
        """
        waiting, self._waiting = self._waiting, []
        for entry in waiting:
            _require_finite(*entry)


def _require_finite(iteration: int, losses: StepLosses, paths: tuple[str, ...]) -> None:
    if all(math.isfinite(value) for value in losses.values()):
        return
    shown = ", ".join(f"{name} {value}" for name, value in losses.items())
    raise NonFiniteLossError(
        f"the loss is no longer finite at iteration {iteration} ({shown}), in the batch of: {', '.join(paths)}",
        hint=_HINT,
    )


def refused_input(fault: Exception, iteration: int, paths: Sequence[str], network: Network) -> TrainingError:
    """What to tell where an operator refuses its input, which often is NaN that no loss has shown yet.

    Args:
        fault: The operator's error; its message holds `REFUSED`.
        iteration: The iteration that was being computed.
        paths: Images of its batch.
        network: The network; NaN in its weights is told as such.
    """
    line = next(line for line in str(fault).splitlines() if REFUSED in line).partition(REFUSED)[2].strip()
    where = f"at iteration {iteration} ({line}), in the batch of: {', '.join(paths)}"
    broken = [name for name, value in network.state_dict().items() if not _is_finite(value)]
    if broken:
        return NonFiniteLossError(
            f"the weights are no longer finite ({broken[0]}) and an operator stops {where}", hint=_HINT
        )
    return TrainingError(f"an operator refuses its input {where}", hint=_HINT)


def _is_finite(value: Tensor) -> bool:
    import paddle

    return not paddle.is_floating_point(value) or bool(paddle.isfinite(value).all())
