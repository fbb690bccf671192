"""The command `doctor`."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import invalidate_caches
from itertools import chain

from segcli.errors import MissingPartError
from segcli.steps.doctor import packages, trial
from segcli.steps.doctor.health import Health, Observation, State

log = logging.getLogger("segcli.doctor")


def examine() -> Health:
    """Checks everything that segcli needs; changes nothing."""
    quick = tuple(_static_findings())
    tried = tuple(trial.check_trials()) if not any(found.topic == "engines" and found.remedy for found in quick) else ()
    rest = chain(
        trial.check_devices(),
        trial.check_onnx_gpus(),
        trial.check_allocator(),
        trial.check_convolutions(),
        trial.check_shared_memory(),
        trial.check_fonts(),
    )
    found = (*quick, *tried, *rest)
    order = list(dict.fromkeys(one.topic for one in found))
    return Health(tuple(sorted(found, key=lambda one: order.index(one.topic))))


def _static_findings() -> Iterator[Observation]:
    return chain(
        trial.check_system(),
        packages.check_paddle(),
        packages.check_needed(),
        packages.check_conflicts(),
        packages.check_engines(),
        packages.check_runtimes(),
    )


def repair() -> list[tuple[str, ...]]:
    """Installs what is missing, in the tested versions, and returns the pip commands that were run.

    Only broken packages are changed; missing optional runtimes are not installed.

    Raises:
        MissingPartError: pip failed.
    """
    commands = remedies(_static_findings())
    for command in commands:
        log.info("pip %s", " ".join(command))
        code = subprocess.run([sys.executable, "-m", "pip", *command], check=False).returncode
        if code:
            message = f"`pip {' '.join(command)}` failed with code {code}"
            raise MissingPartError(message, hint="pip's message above says why")
    invalidate_caches()
    return commands


def remedies(findings: Iterable[Observation]) -> list[tuple[str, ...]]:
    """Returns the pip commands for a repair: removals first, then reinstalling files they deleted, then the rest."""
    wanted = [found.remedy for found in findings if found.state is State.BAD and found.remedy]
    removals = [command for command in wanted if command[0] == "uninstall"]
    restored = [packages.opencv_reinstall()] if removals else []
    return [*removals, *restored, *_joined([command for command in wanted if command[0] == "install"])]


def _joined(commands: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Joins commands with the same options into one."""
    joined: dict[tuple[str, ...], list[str]] = {}
    for *way, requirement in commands:
        joined.setdefault(tuple(way), []).append(requirement)
    return [(*way, *requirements) for way, requirements in joined.items()]
