"""Whether a training is planned: what a command or a file leaves open, before data or libraries are looked at."""

from __future__ import annotations

import logging

from segcli.config.recipe import AUTO
from segcli.config.schema import PLANNER, Config

log = logging.getLogger("segcli.train")

RECIPE_KEYS = ("Train.epochs_iters", "Train.batch_size", "Train.learning_rate")
"""A configuration file that sets one of these is a complete recipe."""
PLANNED_KEYS = (
    "Train.epochs_iters",
    "Train.batch_size",
    "Train.learning_rate",
    "Train.warmup_steps",
    "Train.eval_interval",
    "Train.input_shape",
    "Train.input_size",
    "Train.crop_size",
    "Train.transforms",
    "Train.accumulate",
    "Train.loss",
    "Train.images_per_epoch",
    "Train.sampling",
    "Train.crop_focus",
    "Train.augment.scale_jitter",
    "Train.augment.elastic",
    "Train.early_stop.enable",
    "Train.early_stop.patience",
)
"""Keys that a plan chooses or depends on."""


def for_command(config: Config) -> Config:
    """The configuration of a command or a file, with `Train.plan` and the initial weights set where they are not given.

    A file that sets one of `RECIPE_KEYS` is a recipe and is used unchanged.
    """
    if config.Train.resume_path is None and not config.is_given("Train.pretrain_weight_path"):
        config = config.replaced({"Train.pretrain_weight_path": AUTO}, PLANNER)
    if config.Train.plan is not None:
        return config
    of_file = [key for key in RECIPE_KEYS if ":" in config.origin(key) and config.is_given(key)]
    if of_file:
        log.info("the plan is off: the file sets %s; Train.plan=auto plans the open settings", ", ".join(of_file))
    return config.replaced({"Train.plan": "off" if of_file else "auto"}, PLANNER)


def with_open_keys(config: Config) -> Config:
    """The configuration, with a remark in the origin of each value that the plan of a training may still set."""
    if config.Global.mode != "train" or config.Train.plan != AUTO or config.Train.resume_path is not None:
        return config
    left = [key for key in PLANNED_KEYS if not config.is_given(key) and config.origin(key) != PLANNER]
    remarks = {key: f"{config.origin(key)}, or planned" for key in left}
    return config.model_copy().with_origins({**config.origins, **remarks})
