"""Where the time of a training step goes: ``scripts/bench shares`` profiles a step of each family.

Once as segcli trains on a CPU, once by Paddle's own operators, both in one process. Paddle's profiler names its
operators; segcli's are named by their class. An operator's time is that of its forward and backward pass without the
operators that it calls; what no operator has is that of Python, NumPy and OpenCV in between.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from segcli.cpu import prepare_cpu
from tests.bench.runs import ROOT, put_between
from tests.bench.steps import STEPS, StepCase

PAGE = ROOT / "docs" / "measured.md"
BEGIN, END = "<!-- scripts/bench shares: table -->", "<!-- end of the shares -->"
HEAD = "| model | | CPU-s | convolutions, products | the three largest of the rest |\n| --- | --- | --- | --- | --- |"
LARGEST = 3
STEPS_EACH = 3
"""Of which the fastest is shown."""
_ONE = "--one"
_PRODUCTS = re.compile(r"conv|matmul|linear|addmm|bmm|einsum|Depthwise", re.IGNORECASE)
_ELSE = "no operator"


def main(arguments: Sequence[str]) -> int:
    """Profiles each model in a process of its own and prints the table."""
    options = _parser().parse_args(arguments)
    if options.one:
        print("\n".join(rows(options.models[0])))  # noqa: T201
        return 0
    lines = [HEAD]
    for name in options.models:
        command = [sys.executable, "-m", "tests.bench", "shares", _ONE, "--models", name]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name} failed: {done.stderr.strip()[-2000:]}", file=sys.stderr)  # noqa: T201
            return 1
        lines += [line for line in done.stdout.splitlines() if line.startswith("| ")]
        print("\n".join(lines[-2:]), flush=True)  # noqa: T201
    if options.page:
        put_between(PAGE, BEGIN, END, "\n".join(lines) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench shares", description=__doc__)
    parser.add_argument("--models", nargs="+", choices=list(STEPS), default=list(STEPS), metavar="NAME")
    parser.add_argument("--page", action="store_true", help="write the table into docs/measured.md")
    parser.add_argument(_ONE, action="store_true", help=argparse.SUPPRESS)
    return parser


def rows(name: str) -> list[str]:
    """Two lines of the table: as segcli trains, and by Paddle's operators."""
    import paddle

    prepare_cpu()
    paddle.seed(0)
    case = STEPS[name]
    _, loss = case.make()
    case.compute(loss)  # fills the caches of oneDNN and of what is computed once
    with named_layers():
        ours = profiled(case, loss)
        with case.as_elsewhere() as other:
            theirs = profiled(other, loss)
    return [_line(f"{name}, {case.inputs}", "segcli", ours), _line("", "Paddle", theirs)]


def _line(name: str, by: str, step: Profile) -> str:
    products = sum(share for operator, share in step.shares.items() if _PRODUCTS.search(operator))
    rest = Counter({operator: share for operator, share in step.shares.items() if not _PRODUCTS.search(operator)})
    largest = ", ".join(f"{operator} {share:.1%}" for operator, share in rest.most_common(LARGEST))
    return f"| {name} | {by} | {step.cpu_seconds:.2f} | {products:.0%} | {largest} |"


@dataclass(frozen=True)
class Profile:
    """A step that was profiled.

    Attributes:
        cpu_seconds: Of all threads.
        shares: Of the time that passed, by operator.
    """

    cpu_seconds: float
    shares: Mapping[str, float]


def profiled(case: StepCase, loss: Any) -> Profile:
    """The step of a few that took least."""
    return min((_profiled(case, loss) for _ in range(STEPS_EACH)), key=lambda step: step.cpu_seconds)


def _profiled(case: StepCase, loss: Any) -> Profile:
    from paddle import profiler

    profile = profiler.Profiler(targets=[profiler.ProfilerTarget.CPU], on_trace_ready=lambda _profile: None)
    profile.start()
    begin, cpu_begin = time.perf_counter_ns(), time.process_time()
    case.compute(loss)
    cpu_seconds, whole = time.process_time() - cpu_begin, time.perf_counter_ns() - begin
    profile.stop()
    spent: Counter[str] = Counter()
    for root in profile.profiler_result.get_data().values():
        _add(root, spent)
    spent[_ELSE] = whole - sum(spent.values())
    return Profile(cpu_seconds, {operator: time_ns / whole for operator, time_ns in spent.items()})


def _add(node: Any, spent: Counter[str]) -> int:
    """Adds the time of the operators below a node of the trace, and tells how long they took together."""
    inside = sum(_add(child, spent) for child in node.children_node)
    name = operator_of(node.name)
    if name is None:
        return inside
    whole: int = node.end_ns - node.start_ns
    spent[name] += whole - inside
    return whole


def operator_of(event: str) -> str | None:
    """The operator of an event of the profiler, by one name for both passes; None where it is no operator.

    >>> operator_of("conv2d dygraph"), operator_of("Global_Conv2dGradNodeFinal"), operator_of("Backward")
    ('conv2d', 'conv2d', None)
    """
    forward, layer = re.fullmatch(r"(\w+) dygraph", event), re.fullmatch(r".*GradNodePyLayer_(\w+)", event)
    backward = re.fullmatch(r"(?:Global_|Local_|local_)?(\w+?)GradNode(?:Final)?", event)
    if layer is not None:
        return layer[1].strip("_")
    if forward is not None:
        return forward[1]
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", backward[1]).lower() if backward is not None else None


@contextmanager
def named_layers() -> Iterator[None]:
    """Inside the block the forward passes of segcli's own operators are named in a profile; Paddle names the others."""
    from paddle.autograd import PyLayer
    from paddle.profiler import RecordEvent

    def named(layer: Any) -> Any:
        forward = layer.forward

        def recorded(*arguments: Any, **options: Any) -> Any:
            with RecordEvent(f"{layer.__name__.strip('_')} dygraph"):
                return forward(*arguments, **options)

        return staticmethod(recorded)

    with ExitStack() as stack:
        for layer in PyLayer.__subclasses__():
            if layer.__module__.startswith("segcli."):
                stack.enter_context(patch.object(layer, "forward", named(layer)))
        yield
