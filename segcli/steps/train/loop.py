"""The training loop. Tasks, files and terminal output belong to the engine's session and to callbacks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segcli import signals
from segcli.engine import Batch, Network
from segcli.processes import agreed, gathered
from segcli.steps.train.launch import share_statistics
from segcli.steps.train.losses import REFUSED, FiniteWatch, StepLosses, refused_input
from segcli.steps.train.outside import Outside, OutsideRequest
from segcli.steps.train.precision import Precision
from segcli.steps.train.state import Callback, TrainState

_NOTICE = "stopping: a checkpoint is written after this iteration (signal again to stop at once, without one)"
_AGREE_INTERVAL = 10
"""Iterations between two exchanges of stop requests among the training processes."""


def run(
    state: TrainState,
    precision: Precision,
    callbacks: Sequence[Callback],
    *,
    seed: int = 0,
    rank: int = 0,
    world_size: int = 1,
    evaluated: Network | None = None,
    read_interval: int = 1,
    checkpoint_minutes: float | None = None,
    asked_elsewhere: Callable[[], int | None] = lambda: None,
) -> TrainState:
    """Trains from `state.iteration` to the end of the session.

    The first signal ends the training after the iteration, with a checkpoint, or interrupts an evaluation, which a
    resumed training then repeats; a second one stops at once.

    The order of one iteration is PaddleSeg's: forward, backward, optimizer step, schedule step, clear gradients.

    Args:
        state: Initial state: new, or restored from a checkpoint.
        precision: Full or mixed precision.
        callbacks: Their hooks run in this order.
        seed: Seed of the randomness inside the network (such as dropout); each process draws different numbers.
        rank: Rank of this process.
        world_size: Number of processes that train together.
        evaluated: Network to evaluate instead of the trained one (its moving average).
        read_interval: Iterations between two reads of the losses; above 1 where reading makes the device wait.
        checkpoint_minutes: Minutes after which a checkpoint is due between two evaluations; None writes no such one.
        asked_elsewhere: Returns the signal that the launching process received; None for none.

    Returns:
        The same state, at the end.

    Raises:
        Stopped: A signal ended it.
        NonFiniteLossError: The loss became NaN or infinite; names the images of the batch.
    """
    import paddle

    state.session.network.train()
    with signals.postponed(_NOTICE) as request:
        outside = Outside(
            request,
            minutes=checkpoint_minutes,
            agree_every=_AGREE_INTERVAL,
            world_size=world_size,
            asked_elsewhere=asked_elsewhere,
        )
        for callback in callbacks:
            callback.on_start(state)
        # Paddle numbers the optimizer's accumulators for the whole process and looks them up by name after a resume.
        with paddle.utils.unique_name.guard():
            _Loop(state, precision, callbacks, outside, FiniteWatch(read_interval), evaluated).run(seed, rank)
        for callback in callbacks:
            callback.on_end(state)
    return state


@dataclass
class _Loop:
    """The parts of a running training."""

    state: TrainState
    precision: Precision
    callbacks: Sequence[Callback]
    outside: Outside
    watch: FiniteWatch
    evaluated: Network | None

    def run(self, seed: int, rank: int) -> None:
        """Trains until the end of the session, a stop reason or a signal."""
        state, session = self.state, self.state.session
        if state.evaluation_pending:
            self._evaluate()
        batches = session.batches(state.iteration)
        while not _is_over(state, self.outside.world_size):
            self._step(batches, seed, rank)
            for callback in self.callbacks:
                callback.on_step(state)
            state.evaluation_pending = state.evaluation_due
            self._follow(self.outside.look(state.iteration))
            if state.evaluation_pending:
                self._evaluate()
        self.watch.look()

    def _step(self, batches: Iterator[Batch], seed: int, rank: int) -> None:
        state, session, world_size = self.state, self.state.session, self.outside.world_size
        begin = time.perf_counter()
        state.waited = 0.0
        paths: list[str] = []
        _seed_network(seed, state.iteration * world_size + rank)
        try:
            losses = self.precision.step(session, self._parts(batches, paths))
        except ValueError as fault:
            if REFUSED not in str(fault):
                raise
            self.watch.look()  # a loss before this one may have been NaN already
            raise refused_input(fault, state.iteration + 1, paths, session.network) from fault
        state.learning_rate = float(session.optimizer.get_lr())
        _advance_schedule(session.optimizer)
        session.optimizer.clear_grad()
        state.iteration += 1
        state.losses = StepLosses(losses)
        self.watch.add(state.iteration, state.losses, tuple(paths), due=state.evaluation_due)
        state.images = len(paths) * world_size
        state.seconds = time.perf_counter() - begin

    def _parts(self, batches: Iterator[Batch], paths: list[str]) -> Iterator[Batch]:
        """The batches of one iteration, one in memory at a time; appends their image paths to `paths`."""
        for _ in range(self.state.session.accumulate):
            begin = time.perf_counter()
            batch = next(batches)
            self.state.waited += time.perf_counter() - begin
            paths += batch.paths
            yield batch

    def _follow(self, request: OutsideRequest) -> None:
        """Writes a checkpoint if one is due, and ends the training on a signal."""
        if not request.checkpoint_due:
            return
        self.watch.look()  # raises if the loss is no longer finite: such weights are not saved
        self._share_statistics()
        for callback in self.callbacks:
            callback.on_checkpoint(self.state)
        self.outside.saved()
        if request.signal:
            raise signals.Stopped(request.signal)

    def _evaluate(self) -> None:
        state = self.state
        network = state.session.network if self.evaluated is None else self.evaluated
        self._share_statistics()
        network.eval()
        try:
            with signals.at_once():
                # all processes use the score of the first one: rounding may differ between devices
                state.evaluation = agreed(state.session.evaluate(network))
        except signals.Stopped as stop:
            self._follow(OutsideRequest(stop.number))
            raise
        finally:
            state.session.network.train()
        state.evaluated_iteration = state.iteration
        state.evaluation_pending = False
        score = state.evaluation.score
        # until a score is defined, the newest weights are the best
        if state.best_score is None or (score is not None and score > state.best_score):
            state.best_score = score
            state.best_iteration = state.iteration
        for callback in self.callbacks:
            callback.on_evaluation(state)
        self.outside.saved()
        self._follow(self.outside.look(state.iteration, agreed=True))

    def _share_statistics(self) -> None:
        if self.outside.world_size > 1:
            share_statistics(self.state.session.network, self.evaluated)


def _seed_network(seed: int, step: int) -> None:
    """Seeds the network's randomness per step and process, so that a resumed training draws the same numbers."""
    import paddle

    paddle.seed(int(np.random.SeedSequence((seed, step)).generate_state(1)[0]))


def _advance_schedule(optimizer: object) -> None:
    schedule: Any = getattr(optimizer, "_learning_rate", None)
    if hasattr(schedule, "step"):
        schedule.step()


def _is_over(state: TrainState, world_size: int) -> bool:
    """Whether the training ends here.

    All training processes must end after the same iteration: if one stopped alone, the others would wait forever.
    They exchange stop reasons after evaluations and every few iterations, and one reason ends them all.
    """
    if state.iteration >= state.total_iterations:
        return True
    if world_size > 1:
        if not state.evaluation_due and state.iteration % _AGREE_INTERVAL:
            return False
        state.stop_reason = next((reason for reason in gathered(state.stop_reason) if reason is not None), None)
    return state.stop_reason is not None
