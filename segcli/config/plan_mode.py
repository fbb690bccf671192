"""Whether a training is planned: what a command or a file leaves open, before data or libraries are looked at."""

from __future__ import annotations

import logging

from segcli.config.recipe import AUTO
from segcli.config.schema import PLANNER, Config

log = logging.getLogger("segcli.train")

RECIPE_KEYS = ("Train.epochs_iters", "Train.batch_size", "Train.learning_rate")
"""A configuration file that sets one of these is a complete recipe."""


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
