"""Class names in the forms in which people write them down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from segcli.data.class_files import read_class_names

NAMES = ("_background_", "cat", "dog")


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("classes.json", list(NAMES)),
        ("class_names.json", {"0": "_background_", "1": "cat", "2": "dog"}),
        ("label2id.json", {"cat": 1, "dog": 2, "_background_": 0}),
        ("id2label.json", {"id2label": {"2": "dog", "0": "_background_", "1": "cat"}}),
        ("labels.json", {"classes": [{"id": 2, "name": "dog"}, {"id": 1, "name": "cat"}]}),
        ("categories.json", [{"index": 1, "label": "cat"}, {"index": 2, "label": "dog"}]),
    ],
)
def test_a_json_file_gives_the_names(tmp_path: Path, file: str, values: Any) -> None:
    (tmp_path / file).write_text(json.dumps(values))
    found, findings = read_class_names(tmp_path)
    assert found is not None and found.names == NAMES and not findings
    assert found.file == file and not found.background_in_doubt


@pytest.mark.parametrize("name", ["classes.txt", "codes.txt"])
def test_lists_of_other_tools(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("\n".join(NAMES))
    found, findings = read_class_names(tmp_path)
    assert found is not None and found.names == NAMES and not findings


@pytest.mark.parametrize("text", ["{", "[]", "3", '[["cat"]]', '{"classes": {}}', "[1, 2]", "[NaN]"])
def test_what_holds_no_names_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "classes.json").write_text(text)
    found, findings = read_class_names(tmp_path)
    assert found is None
    assert [one.code for one in findings] == ["S107"]


def test_a_faulty_entry_is_named_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "classes.json").write_text(json.dumps({"0": "_background_", "1": "cat", "2": "cat"}))
    found, findings = read_class_names(tmp_path)
    assert found is not None and found.names == NAMES[:2]
    assert [(one.code, one.location) for one in findings] == [("S107", "entry 3")]
