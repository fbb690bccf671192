"""The house: data flows one way, and the test names the line that runs against it.

A package imports only packages of lower floors. Imports inside functions, those for type checkers and addresses in
strings (`"package.module:name"`) count like any other.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest

from segcli.implied import TaskName
from segcli.models.task import Task

ROOT = Path(__file__).parents[1]

FLOORS: tuple[tuple[str, ...], ...] = (
    ("version", "plurals", "lazy", "console", "signals", "disk", "text", "json_output", "cpu", "parent", "children"),
    ("garbage", "libraries", "environment", "settings", "cores", "nvidia"),
    ("findings",),
    ("rules",),
    ("errors", "log", "plug_ins", "progress"),
    ("failure_report", "runtimes", "terminal"),
    ("data",),
    ("results", "report", "models"),
    ("outputs", "weights"),
    ("config",),
    ("device", "engine", "implied", "plan", "processes"),
    ("batches", "inference"),
    ("promptable",),
    ("metrics",),
    ("engines",),
    ("tasks",),
    ("networks",),
    ("trained",),
    ("steps.convert", "steps.split", "steps.export", "steps.demo", "steps.doctor"),
    ("steps.predict",),
    ("steps.pipelines",),
    ("steps.check", "steps.evaluate", "steps.outline", "steps.suggest", "steps.train", "steps.verify_weights"),
    ("steps.fix", "steps.compare", "steps.batch", "steps.guests"),
    ("steps.pack", "steps.quantize"),
    ("steps",),
    ("serve",),
    ("app",),
    ("api",),
    ("cli",),
    ("segcli", "__main__"),
)
"""Packages and modules of segcli from the ground up. Those of one floor do not import each other."""

ONLY_ENGINES = ("paddleseg", "ppdet")
"""Libraries that nothing but the engines imports."""


@dataclass(frozen=True)
class Import:
    """One module's use of another."""

    user: str
    used: str
    place: str

    def __str__(self) -> str:
        return f"{self.place}: {self.user} imports {self.used}"


@lru_cache(maxsize=1)
def modules() -> dict[str, Path]:
    found = {}
    for path in sorted((ROOT / "segcli").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def module_of(name: str) -> str:
    """The module that holds a dotted name."""
    while name not in modules():
        name = name.rpartition(".")[0]
    return name


def used_names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom) and node.module is not None:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"segcli(\.\w+)+:\w+", node.value)
    ):
        yield node.value.replace(":", ".")


@lru_cache(maxsize=1)
def imports() -> tuple[Import, ...]:
    found = []
    for user, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            place = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            for name in used_names(node):
                if name.split(".")[0] == "segcli" and module_of(name) != user:
                    found.append(Import(user, module_of(name), place))
    return tuple(found)


def package_of(module: str) -> str:
    """The name under which a module stands in `FLOORS`."""
    parts = module.split(".")
    if parts[:2] == ["segcli", "steps"]:
        return ".".join(parts[1:3])
    return parts[1] if len(parts) > 1 else parts[0]


def floor_of(package: str) -> int:
    return next(number for number, floor in enumerate(FLOORS) if package in floor)


def test_every_package_has_a_floor() -> None:
    standing = {name for floor in FLOORS for name in floor}
    assert {package_of(module) for module in modules()} == standing


def test_no_package_imports_one_above_it_or_beside_it() -> None:
    wrong = [
        str(one)
        for one in imports()
        if package_of(one.user) != package_of(one.used)
        and floor_of(package_of(one.used)) >= floor_of(package_of(one.user))
        # the package itself names its parts for users, and takes nothing from them when it is imported
        and one.used != "segcli"
    ]
    assert not wrong, "\n".join(wrong)


def test_no_circle_of_files() -> None:
    uses: dict[str, set[str]] = {}
    for one in imports():
        uses.setdefault(one.user, set()).add(one.used)
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        if module in path:
            pytest.fail(" -> ".join((*path[path.index(module) :], module)))
        if module not in done:
            for used in sorted(uses.get(module, ())):
                walk(used, (*path, module))
            done.add(module)

    for module in modules():
        if module != "segcli":
            walk(module, ())


def test_engines_are_known_to_the_table_of_tasks_alone() -> None:
    outside = [
        str(one)
        for one in imports()
        if package_of(one.used) == "engines" and package_of(one.user) not in ("engines", "tasks")
    ]
    assert not outside, "\n".join(outside)


def test_nothing_but_the_engines_imports_the_libraries() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}: imports {name}"
        for module, path in modules().items()
        if package_of(module) != "engines"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in used_names(node)
        if name.split(".")[0] in ONLY_ENGINES
    ]
    assert not wrong, "\n".join(wrong)


NAMES_TASKS = {
    "models/task.py": "the facts of each task",
    "tasks.py": "the code of each task",
    "models/semantic/table.py": "rows of models",
    "models/instance/table.py": "rows of models",
    "models/promptable/specs.py": "rows of models",
    "models/guests.py": "rows of imported models",
    "models/guest_card.py": "the words of a card",
    "config/schema/meaning.py": "what a key is for",
    "outputs.py": "what an output is for",
    "implied.py": "which task the files of a folder are for",
}
"""The tables in which single tasks are named; a module of a step that bears a task's name may name that one too."""


def named_task(node: ast.AST) -> str | None:
    """The single task that an expression names: `Task.SEMANTIC`, `TaskName.semantic`, `one.task == "semantic"`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("Task", "TaskName"):
        return node.attr.lower() if node.attr.upper() in Task.__members__ else None
    if isinstance(node, ast.Compare) and any(getattr(one, "attr", "") == "task" for one in ast.walk(node)):
        texts = {one.value for one in ast.walk(node) if isinstance(one, ast.Constant)}
        known = {text: task for task in Task for text in (task.value, task.facts.name)}
        return next((known[text].facts.name for text in texts if text in known), None)
    return None


def test_code_asks_for_the_facts_and_parts_of_a_task_never_which_task_it_is() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}: {ast.unparse(node)}"
        for path in modules().values()
        if path.relative_to(ROOT / "segcli").as_posix() not in NAMES_TASKS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (task := named_task(node)) is not None and (path.stem != task or "steps" not in path.parts)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_option_that_names_a_task_offers_those_that_are_planned() -> None:
    assert [name.value for name in TaskName] == [task.facts.name for task in Task if task.facts.small_model]


MOST_LINES_OF_A_FILE, MOST_LINES_OF_A_FUNCTION = 400, 60
"""Beyond these a file or a function does several things, which have names of their own; docstrings do not count."""


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def test_files_and_functions_are_short_enough_to_read_at_once() -> None:
    long = []
    for path in modules().values():
        place, text = path.relative_to(ROOT), path.read_text(encoding="utf-8")
        if text.count("\n") > MOST_LINES_OF_A_FILE:
            long.append(f"{place}: {text.count(chr(10))} lines")
        long += [
            f"{place}:{node.lineno}: {node.name} has {lines} lines"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (lines := lines_of(node)) > MOST_LINES_OF_A_FUNCTION
        ]
    assert not long, "\n".join(long)


NEWER = {
    "asyncio": {"Runner", "TaskGroup", "timeout"},
    "contextlib": {"chdir"},
    "datetime": {"UTC"},
    "enum": {"EnumCheck", "ReprEnum", "StrEnum", "nonmember", "verify"},
    "hashlib": {"file_digest"},
    "inspect": {"getmembers_static"},
    "itertools": {"batched"},
    "logging": {"getHandlerByName", "getLevelNamesMapping"},
    "math": {"cbrt", "exp2", "sumprod"},
    "operator": {"call"},
    "typing": {"LiteralString", "Never", "Self", "TypeVarTuple", "Unpack", "assert_never", "assert_type", "override"},
}
"""What modules of Python have since 3.11 or 3.12; segcli runs on 3.10 too."""


def test_nothing_of_python_is_used_that_its_oldest_version_lacks() -> None:
    newer = {f"{module}.{name}" for module, names in NEWER.items() for name in names} | {"tomllib"}
    used = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {name}"
        for path in modules().values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Attribute)
        for name in ([ast.unparse(node)] if isinstance(node, ast.Attribute) else used_names(node))
        if name in newer
    ]
    assert not used, "\n".join(used)


MOST_IGNORES = 10
"""Places where the type checker is told to look away; Paddle's tensor and layers are typed by `stubs/paddle`."""


def test_the_type_checker_looks_away_seldom_and_says_from_what() -> None:
    ignores = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for folder in ("segcli", "stubs")
        for path in sorted((ROOT / folder).rglob("*.py*"))
        if path.suffix in (".py", ".pyi")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if "type: ignore" in line
    ]
    assert all("type: ignore[" in line for line in ignores), "\n".join(ignores)
    assert len(ignores) <= MOST_IGNORES, "\n".join(ignores)


def test_tensors_and_layers_are_declared_once() -> None:
    again = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules().values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id in ("Tensor", "Layer") for target in node.targets)
    ]
    assert not again, again
