"""Result files stay small and can be read, whatever was found."""

from __future__ import annotations

import json

from segcli.data.files import write_json_atomic
from segcli.findings import MOST_LISTED, Finding, Severity, as_entries


def many(count: int, code: str = "S201", message: str = "there is no such file") -> list[Finding]:
    return [Finding(code, Severity.ERROR, f"images/{number}.jpg", message) for number in range(count)]


def test_few_findings_are_all_there():
    entries = as_entries(many(MOST_LISTED))
    assert len(entries["findings"]) == MOST_LISTED
    assert "findings_left_out" not in entries


def test_of_many_the_first_are_listed_and_the_others_counted():
    entries = as_entries([*many(200_000), *many(3, "S202")])
    assert len(entries["findings"]) == MOST_LISTED + 3
    assert entries["findings_left_out"] == {"S201": 200_000 - MOST_LISTED}


def test_a_result_stays_below_5_mb(tmp_path):
    found = [entry for code in range(100) for entry in many(2000, f"S{code:03}", "x" * 10_000)]
    write_json_atomic(tmp_path / "a.json", as_entries(found))
    assert (tmp_path / "a.json").stat().st_size < 5_000_000
    entries = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert {entry["code"] for entry in entries["findings"]} == {f"S{code:03}" for code in range(100)}
    assert all(len(entry["message"]) <= 1000 for entry in entries["findings"])


def test_names_that_are_no_utf8_can_be_written(tmp_path):
    name = b"images/\xd5\xd5.jpg".decode("utf-8", "surrogateescape")
    write_json_atomic(tmp_path / "a.json", {"path": name})
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"path": name}
