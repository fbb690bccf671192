"""Chooses the settings that a configuration leaves open, from the data, the device and the available time."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from segcli.config.check import parse_device
from segcli.config.durations import parse_time, shown_as_option
from segcli.config.plan_mode import PLANNED_KEYS
from segcli.config.recipe import AUTO, without_recipe
from segcli.config.schema import PLANNER, Config
from segcli.data.fingerprint.labels import Fingerprint
from segcli.device import available_device, select_device
from segcli.models.table import get_spec
from segcli.models.task import Task
from segcli.plan.balance import sampling_choices
from segcli.plan.batch import sizes_to_try
from segcli.plan.choice import CPU_SECONDS, GPU_SECONDS, Choice, Cost, Means, Plan, Short, shown_time
from segcli.plan.model import choose_model
from segcli.plan.recipe import plan_by_recipe
from segcli.plan.stopping import stop_choices
from segcli.plurals import counted
from segcli.progress import working
from segcli.steps.train import launch
from segcli.steps.train.measuring import tried
from segcli.steps.train.plan_parts import PlanParts
from segcli.steps.train.starting import official_start, with_start
from segcli.tasks import step_part

log = logging.getLogger("segcli.train")

_USUAL = {"cpu": Cost(5.0), "gpu": Cost(0.05)}


def is_planned(config: Config) -> bool:
    """Whether a plan is to be made: a resumed training keeps its first plan."""
    return (
        config.Train.plan == "auto"
        and config.Train.resume_path is None
        and config.Train.plan_reasons is None
        and get_spec(config.Global.model).task.facts.small_model is not None
    )


def planned(config: Config) -> tuple[Config, Plan]:
    """The configuration with the plan's choices, and the plan.

    Raises:
        DatasetError: The dataset cannot be trained on.
    """
    config = without_recipe(config)
    task = get_spec(config.Global.model).task
    parts: PlanParts = step_part("train", task)
    data = parts.fingerprint(config)  # first, so that nothing is downloaded for a dataset that cannot be used
    if not _chooses_model(config):
        config = with_start(config)
    means = _means(config)
    chosen: tuple[Choice, ...] = ()
    if _chooses_model(config):
        chosen = (choose_model(task, data, means),)
        config = config.replaced({"Global.model": chosen[0].value}, PLANNER)
    select_device(launch.device_of(config), strict=config.Global.strict_device)
    with working("planning"):
        plan = _plan(config, task, parts, data, means)
    if plan.short is not None and not config.is_given("Train.epochs_iters"):
        log.warning("%s", _too_short(config, task, means, plan.short))
    plan = replace(plan, choices=(*chosen, *plan.choices))
    reasons = {**(config.Train.plan_reasons or {}), **plan.reasons()}
    return config.replaced({**plan.values(), "Train.plan_reasons": reasons}, PLANNER), plan


def _chooses_model(config: Config) -> bool:
    return config.origin("Global.model").startswith(PLANNER)


def _plan(config: Config, task: Task, parts: PlanParts, data: Fingerprint, means: Means) -> Plan:
    taken = {key: value_of(config, key) for key in PLANNED_KEYS if config.is_given(key)}
    if config.Global.model == task.facts.small_model:
        plan = _by_planner(parts, config, data, means, taken)
    else:
        plan = _by_recipe(config, task, data, means, taken)
        plan = replace(plan, choices=(*plan.choices, *parts.balance(config, data)))
    values = {**taken, **plan.values()}
    length, interval = (int(values.get(f"Train.{name}") or 0) for name in ("epochs_iters", "eval_interval"))
    ends = stop_choices(length, interval) if length and interval else []
    if any(key.startswith("Train.early_stop.") for key in taken):
        ends = []
    return replace(plan, choices=tuple(choice for choice in (*plan.choices, *ends) if choice.key not in taken))


def _by_recipe(config: Config, task: Task, data: Fingerprint, means: Means, taken: dict[str, Any]) -> Plan:
    """The length of a training by a recipe."""
    if {"Train.epochs_iters", "Train.eval_interval"} <= taken.keys():
        return Plan(tuple(sampling_choices(data)))
    trial = tried(config, means)
    batch = config.Train.batch_size * config.Train.accumulate
    known = {**taken, "Train.batch_size": batch}
    step_mpx = trial.step_mpx * config.Train.accumulate
    return plan_by_recipe(data, means, trial.cost, task=task, step_mpx=step_mpx, taken=known)


def _by_planner(parts: PlanParts, config: Config, data: Fingerprint, means: Means, taken: dict[str, Any]) -> Plan:
    """The plan of a model without a fixed recipe: a draft is measured, then planned again with the measured cost."""
    if "Train.crop_size" in taken:  # a crop size set by the user applies to the recipe's transforms
        taken = {"Train.transforms": None, "Train.input_shape": None, **taken}
    draft = parts.planner(data, means, _USUAL["cpu" if means.device == "cpu" else "gpu"], taken)
    compares = parts.compares_batches and "Train.batch_size" not in taken
    sizes = sizes_to_try(means.device, data.train_images) if compares else ()
    trial = tried(config.replaced(draft.values(), PLANNER), means, sizes)
    return parts.planner(data, means, trial.cost, taken)


def _means(config: Config) -> Means:
    kind, _ = parse_device(available_device(launch.device_of(config), strict=config.Global.strict_device))
    given = config.Train.time
    seconds = parse_time(given) if given is not None else CPU_SECONDS if kind == "cpu" else GPU_SECONDS
    if given is not None and config.Train.folds is not None:
        seconds /= config.Train.folds
    return Means(kind, seconds, given is not None, _has_weights(config, kind))


def _too_short(config: Config, task: Task, means: Means, short: Short) -> str:
    """What a time is too short for, and what to type instead."""
    model, small = config.Global.model, task.facts.small_model
    enough = shown_as_option(short.enough * (config.Train.folds or 1 if means.on_request else 1))
    text = (
        f"{shown_time(means.seconds)} is short for {model} here: {counted(short.steps, 'step')} in about "
        f"{shown_time(short.seconds)}, and fewer than {short.wanted} teach it little. "
        f"--time {enough} is enough for those"
    )
    return text if model == small else f"{text}, and -m {small} learns from random weights in less time"


def _has_weights(config: Config, device: str) -> bool:
    """Whether pretrained weights are available; on a CPU nothing is downloaded to choose a model."""
    if config.Train.pretrain_weight_path != AUTO:
        return config.Train.pretrain_weight_path is not None
    large = get_spec(config.Global.model).task.facts.large_model
    return device != "cpu" and large is not None and official_start(get_spec(large))[0] is not None


def value_of(config: Config, key: str) -> Any:
    """The value of a dotted key, such as ``Train.early_stop.enable``."""
    value: Any = config
    for name in key.split("."):
        value = getattr(value, name)
    return value
