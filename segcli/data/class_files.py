"""Class names of a semantic dataset, from the files that PaddleX, PaddleSeg and LabelMe leave beside the lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from segcli.data.classes import BACKGROUND_NAME, IGNORE_INDEX, IGNORE_NAME, ClassMap, is_background
from segcli.data.files import is_file
from segcli.data.json_text import read_json
from segcli.data.lists import read_text_file
from segcli.data.look_alike import difference, look_alikes
from segcli.findings import Finding
from segcli.rules import finding

NUMBERED_FILE = "class_name_to_id.txt"
NAME_FILES = ("class_name.txt", "class_names.txt", "label.txt", "labels.txt", "classes.txt", "codes.txt")
JSON_FILES = (
    "class_name_to_id.json",
    "class_names.json",
    "classes.json",
    "labels.json",
    "label_names.json",
    "label_map.json",
    "id2label.json",
    "label2id.json",
    "categories.json",
)
_NUMBERED_LINE = re.compile(r"(\d{1,9})\s*[:,=\s]\s*(\S.*)")
_LIST_KEYS = ("classes", "class_names", "names", "labels", "categories", "id2label", "label2id")
_ENTRY_KEYS = (("id", "index", "class_id", "category_id"), ("name", "label", "class", "class_name", "title"))
_JSON_HINT = 'write the names in order of their ids: ["_background_", "cat", "dog"]'
_IGNORED_WORDS = frozenset({"ignore", "ignored", "dontcare", "void", "unlabeled", "unlabelled", "crowd"})


@dataclass(frozen=True)
class ClassNames:
    """Names as a file gives them.

    Attributes:
        file: Name of the file.
        names: Names in order of their ids.
        ignore_index: Value of the pixels that count for nothing.
        background_in_doubt: The file gives no ids and no background: PaddleX leaves it out, others do not.
    """

    file: str
    names: tuple[str, ...]
    ignore_index: int = IGNORE_INDEX
    background_in_doubt: bool = False


def read_class_names(root: Path) -> tuple[ClassNames | None, list[Finding]]:
    """The class names of the dataset, None where no file gives any, and the faults of the file.

    `class_name_to_id.txt` is taken before the files that hold bare names, and these before JSON files.
    """
    for name in (NUMBERED_FILE, *NAME_FILES):
        path = root / name
        if not is_file(path):
            continue
        lines = read_text_file(path).lines
        if lines:
            return _numbered_names(name, lines) if name == NUMBERED_FILE else _bare_names(name, lines)
    for name in JSON_FILES:
        if is_file(root / name):
            return _json_names(root / name)
    return None, []


def _json_names(path: Path) -> tuple[ClassNames | None, list[Finding]]:
    """The names of a JSON file: a list of names, of objects with id and name, or names by ids or ids by names."""
    try:
        values = read_json(path)
    except (OSError, ValueError) as fault:
        return None, [finding("S107", path.name, f"cannot be read: {fault}")]
    if isinstance(values, dict):
        values = next((values[key] for key in _LIST_KEYS if isinstance(values.get(key), list | dict)), values)
    entries = [_json_entry(*pair) for pair in values.items()] if isinstance(values, dict) else values
    if isinstance(entries, list) and entries and all(isinstance(entry, str) for entry in entries):
        numbered = tuple(enumerate(map(str.strip, entries), start=1))
        is_bare = isinstance(values, list)
        return _bare_names(path.name, numbered) if is_bare else _numbered_names(path.name, numbered)
    if isinstance(entries, list) and entries and all(isinstance(entry, dict) for entry in entries):
        pairs = [[next((entry[key] for key in keys if key in entry), "") for keys in _ENTRY_KEYS] for entry in entries]
        return _numbered_names(path.name, tuple((n, f"{id_}: {name}") for n, (id_, name) in enumerate(pairs, start=1)))
    return None, [finding("S107", path.name, "holds no list of class names", hint=_JSON_HINT)]


def _json_entry(key: str, value: object) -> str:
    """A pair of id and name, in either order, as a line of `class_name_to_id.txt`."""
    return f"{key}: {value}" if key.strip().isdecimal() else f"{value}: {key}"


def is_ignored_name(name: str) -> bool:
    """Whether a class name means "must not be learnt"."""
    return name != IGNORE_NAME and re.sub(r"[\s_'’-]", "", name.lower()) in _IGNORED_WORDS


def resolve_classes(
    source: ClassNames | None, num_classes: int | None, ids_seen: Callable[[], Collection[int]]
) -> tuple[ClassMap, list[Finding]]:
    """The classes of the dataset.

    Args:
        source: Names from a file, or None.
        num_classes: Number of classes that the configuration gives, or None.
        ids_seen: Ids that occur in the masks, ignored ones left out; called only where names and number do not decide.

    Returns:
        The classes, and findings S404 (the number disagrees with the names) and S405 (a background was assumed or not).
    """
    if source is None:
        numbered = ClassMap.numbered(num_classes or max(ids_seen(), default=0) + 1)
        return numbered, _name_faults(numbered.names, "Train.num_classes")
    names, findings = source.names, _name_faults(source.names, source.file)
    if source.background_in_doubt and num_classes != len(names):
        prepend = num_classes == len(names) + 1 or len(names) in ids_seen()
        if num_classes != len(names) + 1:
            findings.append(_doubt(source, prepend))
        names = (BACKGROUND_NAME, *names) if prepend else names
    if num_classes not in (None, len(names)):
        findings.append(finding("S404", source.file, f"names {len(names)} classes, Train.num_classes is {num_classes}"))
    return ClassMap(names, source.ignore_index), findings


def _name_faults(names: tuple[str, ...], source: str) -> list[Finding]:
    """S411, S412 where two of the names mean the background, and S415 where two look alike."""
    backgrounds = [name for name in names if is_background(name)]
    findings = []
    if len(names) > IGNORE_INDEX:
        findings.append(finding("S411", source, f"there are {len(names)} classes"))
    if len(backgrounds) > 1:
        findings.append(finding("S412", source, f"{' and '.join(map(repr, backgrounds))} mean the same"))
    others = [name for name in names if name not in backgrounds]
    for name, other in look_alikes(others):
        what = f"{other!r} and {name!r} look alike: {difference(name, other)} differs"
        findings.append(finding("S415", source, what))
    return findings


def _doubt(source: ClassNames, prepend: bool) -> Finding:
    count = len(source.names)
    taken = (
        f"taken as ids 1 to {count} with a background 0, because id {count} is in the masks"
        if prepend
        else f"taken as ids 0 to {count - 1}, because no mask holds id {count}"
    )
    return finding("S405", source.file, f"the {count} names hold no background; {taken}")


def _numbered_names(file: str, lines: tuple[tuple[int, str], ...]) -> tuple[ClassNames | None, list[Finding]]:
    findings: list[Finding] = []
    by_id: dict[int, str] = {}
    ignore_index = IGNORE_INDEX
    for number, line in lines:
        match = _NUMBERED_LINE.fullmatch(line)
        fault = "is no `id: name`" if match is None else None
        if match is not None:
            class_id, name = int(match[1]), match[2].strip()
            if name == IGNORE_NAME:
                ignore_index = class_id
            elif class_id in by_id or name in by_id.values():
                fault = "repeats an id or a name"
            elif class_id > 255:
                fault = "has an id above 255"
            else:
                by_id[class_id] = name
        if fault:
            place = f"{_place(file)} {number}"
            findings.append(finding("S107", file, f"{line[:80]!r} {fault} and is left out", location=place))
    if not by_id:
        return None, findings
    gaps = [class_id for class_id in range(1, max(by_id)) if class_id not in by_id]
    if gaps:
        findings.append(finding("S107", file, f"ids without a name: {', '.join(map(str, gaps))}"))
    names = tuple(by_id.get(i) or _free_name(i, by_id.values()) for i in range(max(by_id) + 1))
    return ClassNames(file, names, ignore_index), findings


def _place(file: str) -> str:
    return "entry" if file.endswith(".json") else "line"


def _free_name(class_id: int, taken: Collection[str]) -> str:
    """The name of an id that the file leaves out, which no other id may have."""
    name = BACKGROUND_NAME if class_id == 0 and BACKGROUND_NAME not in taken else f"class_{class_id}"
    while name in taken:
        name += "_"
    return name


def _bare_names(file: str, lines: tuple[tuple[int, str], ...]) -> tuple[ClassNames | None, list[Finding]]:
    findings: list[Finding] = []
    names: list[str] = []
    known: set[str] = set()
    for number, name in lines:
        if name in known:
            findings.append(finding("S107", file, f"{name!r} is there twice", location=f"{_place(file)} {number}"))
        elif name == BACKGROUND_NAME:
            names.insert(0, name)
            known.add(name)
        elif name != IGNORE_NAME:
            names.append(name)
            known.add(name)
    if not names:
        return None, findings
    doubt = not any(map(is_background, names))
    return ClassNames(file, tuple(names), background_in_doubt=doubt), findings
