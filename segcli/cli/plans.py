"""What is done with the plan of a training beside following it: show it, or write it as a configuration."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segcli import terminal
from segcli.errors import EXIT_DONE, UsageError

if TYPE_CHECKING:
    from segcli.config.schema import Config
    from segcli.plan.choice import Plan

_WIDTH = 118


def show_training_plan(path: Path | None, overrides: Sequence[str], options: Mapping[str, tuple[str, Any]]) -> int:
    """Shows what a training would choose, how long it would take and how much memory; returns the exit code."""
    config, plan = _made(path, overrides, options)
    rows = [(choice.key, _short(choice.value), choice.reason) for choice in plan.choices]
    terminal.show_table(f"plan for {config.Global.dataset_dir}", ("key", "value", "why"), rows, key="plan")
    terminal.show_summary("estimate", _estimate(plan))
    return EXIT_DONE


def write_planned(path: Path, overrides: Sequence[str], options: Mapping[str, tuple[str, Any]]) -> int:
    """Writes the planned configuration of a dataset with its reasons, and returns the exit code.

    Raises:
        UsageError: The file is there already.
    """
    from segcli.data.files import write_text_atomic

    if path.exists():
        raise UsageError("the file is there already", path=path, hint="name another one with --to")
    config, plan = _made(None, overrides, options)
    write_text_atomic(path, planned_text(config, plan, path))
    terminal.show_summary("init", [*_estimate(plan), ("train with it", f"segcli train -c {path}")], result=path)
    return EXIT_DONE


def draw_preview(path: Path | None, overrides: Sequence[str], options: Mapping[str, tuple[str, Any]]) -> int:
    """Draws training images as a training would see them; returns the exit code."""
    from segcli.config.load import load_config
    from segcli.config.plan_mode import for_command
    from segcli.json_output import tell_result
    from segcli.steps.train.planning import is_planned, planned
    from segcli.steps.train.preview import preview

    config = for_command(load_config(path, overrides, options).config)
    if is_planned(config):
        config, _ = planned(config)
    found = preview(config)
    tell_result(found.as_dict())
    rows = [("training images", str(found.images)), ("augmentation", _short(list(config.Train.transforms or ())))]
    terminal.show_summary("preview", rows, result=Path(found.preview))
    return EXIT_DONE


def planned_text(config: Config, plan: Plan, path: Path) -> str:
    """The configuration as YAML, each choice under the reason for it."""
    from segcli.config.show import scalar

    reasons = plan.reasons()
    lines = [f"# Planned from {config.Global.dataset_dir}; segcli train -c {path} follows it.", "Global:"]
    shared = {"model": config.Global.model, "mode": "train", "dataset_dir": config.Global.dataset_dir}
    for name, value in shared.items():
        lines += [*_comment(reasons.get(f"Global.{name}")), f"  {name}: {scalar(value)}"]
    lines += ["Train:", "  # every choice of the plan is written here", "  plan: 'off'"]
    opened: tuple[str, ...] = ()
    for choice in sorted(plan.choices, key=lambda one: one.key.count(".") > 1):
        section, *inner, name = choice.key.split(".")
        if section != "Train":
            continue
        indent = "  " * (len(inner) + 1)
        if inner and tuple(inner) != opened:
            lines.append(f"  {inner[0]}:")
        opened = tuple(inner)
        lines += [*_comment(choice.reason, indent), f"{indent}{name}: {scalar(choice.value)}"]
    return "\n".join(lines) + "\n"


def _made(path: Path | None, overrides: Sequence[str], options: Mapping[str, tuple[str, Any]]) -> tuple[Config, Plan]:
    from segcli.config.load import load_config
    from segcli.config.plan_mode import for_command
    from segcli.steps.train.planning import is_planned, planned

    config = for_command(load_config(path, overrides, options).config)
    if not is_planned(config):
        raise UsageError(
            f"there is no plan for {config.Global.model} here: it is switched off, resumed, or the model takes prompts",
            hint="Train.plan=auto switches it on",
        )
    return planned(config)


def _estimate(plan: Plan) -> list[tuple[str, str]]:
    from segcli.plan.choice import shown_time

    rows = [("time", "unknown" if plan.seconds is None else shown_time(plan.seconds))]
    if plan.cost is not None and plan.cost.memory_mb is not None:
        rows.append(("memory", f"{plan.cost.memory_mb:.0f} MB"))
    return rows


def _comment(reason: str | None, indent: str = "  ") -> list[str]:
    text = "" if reason is None else f"{reason[0].upper()}{reason[1:]}."
    return textwrap.wrap(text, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _short(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return ", ".join(str(part.get("type")) for part in value)
    return str(value)
