"""Runs of the benchmarks are kept, compared and shown on a page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.bench import __main__ as command
from tests.bench import runs, shares, tiles
from tests.bench.peers import environments
from tests.bench.steps import STEPS
from tests.bench.table import Row, as_text

ROWS = [Row("check", "90 images/s", "100 images/s", 0.9, 0.85), Row("start", "0.2 s", "1.0 s", 5.0, 4.0)]


def kept(folder: Path, name: str, rows: list[Row]) -> str:
    path = folder / name
    path.write_text(runs.as_json(rows))
    return str(path)


def test_run_comes_back_from_its_file(tmp_path: Path) -> None:
    text = runs.as_json(ROWS, ["bench_x"])
    assert runs.rows_of(text) == ROWS
    assert json.loads(text)["failed"] == ["bench_x"]
    with pytest.raises(ValueError, match="is no result of scripts/bench --json"):
        runs.rows_of("{}")


def test_two_runs_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = kept(tmp_path, "a.json", [*ROWS, Row("old", "1", "1", 1.0, 1.0)])
    slower = kept(tmp_path, "b.json", [Row("check", "80 images/s", "100 images/s", 0.8, 0.85), ROWS[1]])

    assert command.main(["compare", before, before]) == 0
    assert command.main(["compare", before, slower]) == 1
    shown = capsys.readouterr().out.splitlines()
    assert any(line.startswith("check") and "-11%" in line and line.endswith("WORSE") for line in shown)
    assert any(line.startswith("old") and "gone" in line for line in shown)
    assert command.main(["compare", before, str(tmp_path / "absent.json")]) == 2


def test_comparing_tells_of_what_each_run_is_and_what_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = kept(tmp_path, "a.json", ROWS)
    (tmp_path / "b.json").write_text(runs.as_json(ROWS, ["bench_x"]))
    assert command.main(["compare", before, str(tmp_path / "b.json")]) == 0
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert first.startswith("before: commit ") and "failed" not in first
    assert second.startswith("after: commit ") and second.endswith("; failed: bench_x")


@pytest.mark.parametrize("text", ["", "[1]", '{"rows": 3}', '{"rows": [{"name": "check"}]}'])
def test_what_is_no_run_is_named(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "b.json"
    file.write_text(text)
    assert command.main(["compare", kept(tmp_path, "a.json", ROWS), str(file)]) == 2
    assert capsys.readouterr().err == f"{file}: is no result of scripts/bench --json\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["metrics", "metrcs"], "no benchmark has metrcs in its name; there are check, .* verdict, compare, --peers"),
        (["metrics", "--json", "absent/a.json"], "No such file or directory: 'absent/a.json'"),
        (["metrics", "--page", "empty.md"], "empty.md lacks the lines <!-- scripts/bench: table -->"),
    ],
)
def test_nothing_is_measured_that_cannot_be_told(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "_alone", None)
    (tmp_path / "empty.md").touch()
    with pytest.raises(SystemExit) as end:
        command.main(words)
    assert end.value.code == 2
    assert re.search(told, capsys.readouterr().err)


def test_within_noise_nothing_is_worse() -> None:
    assert runs.compare(ROWS, [Row("check", "88 images/s", "100 images/s", 0.88, 0.85), ROWS[1]])[1] == 0


def test_missed_bar_is_worse_within_noise_too() -> None:
    assert runs.compare(ROWS, [Row("check", "84 images/s", "100 images/s", 0.84, 0.85), ROWS[1]])[1] == 1


def test_some_rows_leave_the_others_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- scripts/bench: table -->\n<!-- end of the table -->\nafter\n")
    first, second, third = (Row(name, "1", "2", 2.0, 1.0) for name in ("first", "second", "third"))
    runs.write_page([first, second], page)
    runs.write_page([Row("first", "3", "2", 0.5, 1.0), third], page, is_whole=False)
    lines = page.read_text().splitlines()
    assert lines[4:8] == [
        "| --- | --- | --- | --- | --- |",
        "| first | 3 | 2 | 0.50 (missed) | 1.00 |",
        "| second | 1 | 2 | 2.00 | 1.00 |",
        "| third | 1 | 2 | 2.00 | 1.00 |",
    ]
    assert (lines[0], lines[-1]) == ("before", "after")


def test_page_has_the_table_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- scripts/bench: table -->\nold\n<!-- end of the table -->\nafter\n")
    runs.write_page([*ROWS, Row("slow", "1", "2", 0.5, 1.0)], page)
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert "| check | 90 images/s | 100 images/s | 0.90 | 0.85 |" in text
    assert "0.50 (missed)" in text
    page.write_text("nothing")
    with pytest.raises(ValueError, match="lacks the lines"):
        runs.write_page(ROWS, page)


def test_site_has_the_marks() -> None:
    text = (runs.ROOT / "docs" / "measured.md").read_text()
    assert text.index("<!-- scripts/bench: table -->") < text.index("<!-- end of the table -->")


def test_site_has_the_marks_of_the_tiles() -> None:
    text = tiles.PAGE.read_text()
    assert text.index(tiles.BEGIN) < text.index(tiles.HEAD) < text.index(tiles.END)


def test_table_marks_what_misses_its_bar() -> None:
    lines = as_text([*ROWS, Row("slow", "1", "2", 0.5, 1.0)]).splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["ok", "ok", "MISSED"]


def test_peer_is_found_where_it_was_made_or_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "FOLDER", tmp_path)
    peer = environments.PEERS["torch"]
    monkeypatch.delenv(peer.variable, raising=False)
    assert peer.python() is None
    peer.folder.mkdir()
    (peer.folder / environments.DONE).write_text("torch")
    assert peer.python() == str(peer.folder / "bin/python")
    monkeypatch.setenv(peer.variable, "/elsewhere/python")
    assert peer.python() == "/elsewhere/python"
    assert environments.make(["yolo"]) == 2


@pytest.mark.parametrize(
    ("event", "operator"),
    [
        ("batch_norm dygraph", "batch_norm"),
        ("Global_BatchNormGradNode", "batch_norm"),
        ("Local_Conv2dGradNodeFinal", "conv2d"),
        ("Global_GradNodePyLayer__RowNorm", "RowNorm"),
        ("add node_creation", None),
        ("Gradient Backward", None),
    ],
)
def test_both_passes_of_an_operator_have_one_name(event: str, operator: str | None) -> None:
    assert shares.operator_of(event) == operator


def test_shares_of_a_step_are_of_each_operator_alone() -> None:
    _, loss = STEPS["LSeg-tiny"].make()
    with shares.named_layers():
        ours = shares.profiled(STEPS["LSeg-tiny"], loss).shares
        with STEPS["LSeg-tiny"].as_elsewhere() as other:
            paddles = shares.profiled(other, loss).shares

    assert min(*ours.values(), *paddles.values()) >= 0, "an operator was counted twice"
    assert {"conv2d", "matmul", "RowNorm"} <= set(ours)
    assert "conv2d" in paddles and "RowNorm" not in paddles
    assert max(ours, key=ours.__getitem__) in ("conv2d", "matmul")
