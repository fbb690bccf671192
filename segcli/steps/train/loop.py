"""The one training loop. It knows nothing of tasks, files or terminals: an engine's session and callbacks do that."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from segcli.engine import Network
from segcli.processes import agreed, gathered
from segcli.steps.train.launch import share_statistics
from segcli.steps.train.losses import FiniteWatch, StepLosses
from segcli.steps.train.precision import Precision
from segcli.steps.train.state import Callback, TrainState

_ASKING_INTERVAL = 10
"""Iterations after which processes that train together ask each other whether one wishes to stop."""


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
) -> TrainState:
    """Trains from `state.iteration` to the end of the session.

    The order of one iteration is PaddleSeg's: forward, backward, optimizer step, schedule step, clear gradients.

    Args:
        state: Where to begin: fresh, or restored from a checkpoint.
        precision: How a step is computed.
        callbacks: What watches; their order is the order of their hooks.
        seed: Seed of what is random inside the network (dropout and the like); processes draw differently.
        rank: Number of this process.
        world_size: Number of processes that train together.
        evaluated: Network to evaluate instead of the trained one (its moving average).
        read_interval: Iterations between two looks at the losses; more than 1 where reading makes the device wait.

    Returns:
        The same state, at the end.

    Raises:
        NonFiniteLossError: The loss became NaN or infinite; names the images of the batch.
    """
    import paddle

    state.session.network.train()
    for callback in callbacks:
        callback.on_start(state)
    # Paddle numbers the optimizer's accumulators for the whole process and looks them up by name after a resume.
    with paddle.utils.unique_name.guard():
        watch = FiniteWatch(read_interval)
        _iterate(state, precision, callbacks, watch, seed=seed, rank=rank, world_size=world_size, evaluated=evaluated)
    for callback in callbacks:
        callback.on_end(state)
    return state


def _iterate(
    state: TrainState,
    precision: Precision,
    callbacks: Sequence[Callback],
    watch: FiniteWatch,
    *,
    seed: int,
    rank: int,
    world_size: int,
    evaluated: Network | None,
) -> None:
    session = state.session
    batches = session.batches(state.iteration)
    while not _is_over(state, world_size):
        begin = time.perf_counter()
        batch = next(batches)
        state.waited = time.perf_counter() - begin
        _seed_network(seed, state.iteration * world_size + rank)
        losses = precision.step(session, batch)
        state.learning_rate = float(session.optimizer.get_lr())
        _advance_schedule(session.optimizer)
        session.optimizer.clear_grad()
        state.iteration += 1
        state.losses = StepLosses(losses)
        watch.add(state.iteration, state.losses, batch.paths, due=state.evaluation_due)
        state.images = len(batch.paths) * world_size
        state.seconds = time.perf_counter() - begin
        for callback in callbacks:
            callback.on_step(state)
        if state.evaluation_due:
            if world_size > 1:
                share_statistics(session.network, evaluated)
            _evaluate(state, session.network if evaluated is None else evaluated, callbacks)
    watch.look()


def _seed_network(seed: int, step: int) -> None:
    """Seeds the network's own randomness for one step of one process: a resumed training draws as it would have."""
    import paddle

    paddle.seed(int(np.random.SeedSequence((seed, step)).generate_state(1)[0]))


def _advance_schedule(optimizer: object) -> None:
    schedule: Any = getattr(optimizer, "_learning_rate", None)
    if hasattr(schedule, "step"):
        schedule.step()


def _is_over(state: TrainState, world_size: int) -> bool:
    """Whether the training ends here.

    Processes that train together end after the same iteration: one that stops alone leaves the others waiting for
    ever. They ask each other after evaluations and every few iterations, and one that wishes to stop ends them all.
    """
    if state.iteration >= state.total_iterations:
        return True
    if world_size > 1:
        if not state.evaluation_due and state.iteration % _ASKING_INTERVAL:
            return False
        state.stop_reason = next((reason for reason in gathered(state.stop_reason) if reason is not None), None)
    return state.stop_reason is not None


def _evaluate(state: TrainState, network: Network, callbacks: Sequence[Callback]) -> None:
    network.eval()
    # the score that is compared is the first process's: rounding may differ between devices
    state.evaluation = agreed(state.session.evaluate(network))
    state.session.network.train()
    if state.best_score is None or state.evaluation.score > state.best_score:
        state.best_score = state.evaluation.score
        state.best_iteration = state.iteration
    for callback in callbacks:
        callback.on_evaluation(state)
