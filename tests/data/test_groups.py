"""Which images belong together."""

from __future__ import annotations

import pytest

from segcli.data.splits.groups import group_each, groups_by_folder, groups_by_pattern, groups_by_table
from segcli.errors import UsageError


@pytest.mark.parametrize(
    ("name", "group"),
    [("images/video1/0001.jpg", "images/video1"), ("video1/1.jpg", "video1"), ("images/a.jpg", None), ("a.jpg", None)],
)
def test_by_folder(name, group):
    assert groups_by_folder(name) == group


@pytest.mark.parametrize(
    ("pattern", "name", "group"),
    [
        (r"(patient\d+)_", "images/patient12_slice3.png", "patient12"),
        (r"patient\d+", "images/patient12_slice3.png", "patient12"),
        (r"(patient\d+)_", "images/phantom.png", None),
    ],
)
def test_by_pattern(pattern, name, group):
    assert groups_by_pattern(pattern)(name) == group


def test_a_faulty_pattern_is_refused():
    with pytest.raises(UsageError, match="no regular expression"):
        groups_by_pattern("(")


@pytest.mark.parametrize(
    "text",
    ["image,group\na.png,one\ndeep/b.png,two\n", "a.png;one\ndeep\\b.png;two", "\ufeffa.png\tone\n\ndeep/b.png\ttwo\n"],
)
def test_by_table(tmp_path, text):
    table = tmp_path / "groups.csv"
    table.write_text(text, encoding="utf-8")
    group_of = groups_by_table(table)
    assert [group_of(name) for name in ("images/a.png", "deep/b.png", "c.png")] == ["one", "two", None]


def table_of(tmp_path, text):
    table = tmp_path / "groups.csv"
    table.write_text(text, encoding="utf-8")
    return groups_by_table(table)


def test_a_line_with_folders_belongs_to_no_image_of_another_folder(tmp_path):
    group_of = table_of(tmp_path, "a/x.png,one\n/data/set/images/y.png,two\n")
    names = ("b/x.png", "a/x.png", "images/a/x.png", "images/y.png", "y.png")
    assert [group_of(name) for name in names[:4]] == [None, "one", "one", "two"]
    with pytest.raises(UsageError, match=r"images/y\.png, which may be images/y\.png or y\.png"):
        group_of(names[4])


def test_a_name_without_folders_must_be_that_of_one_image(tmp_path):
    group_of = table_of(tmp_path, "x.png,one\n")
    assert group_of("a/x.png") == group_of("a/x.png") == "one"
    with pytest.raises(UsageError, match=r"the line x\.png, which may be a/x\.png or b/x\.png") as fault:
        group_of("b/x.png")
    assert "with their folders" in str(fault.value.hint)


def test_lines_that_may_both_be_one_image_are_named(tmp_path):
    group_of = table_of(tmp_path, "/old/a/x.png,one\n/new/a/x.png,two\n")
    with pytest.raises(UsageError, match=r"/old/a/x\.png and /new/a/x\.png"):
        group_of("a/x.png")


@pytest.mark.parametrize("text", [None, "a.png\n", "a.png,\n"])
def test_a_faulty_table_is_refused(tmp_path, text):
    table = tmp_path / "groups.csv"
    if text is not None:
        table.write_text(text)
    with pytest.raises(UsageError, match="table of groups"):
        groups_by_table(table)


def test_a_rule_that_fits_no_name_is_refused():
    assert group_each(["a1.png", "b.png"], groups_by_pattern("a[0-9]")) == ["a1", None]
    assert group_each(["a.png"], None) == [None]
    with pytest.raises(UsageError, match=r"fits none of the 4 names a, b, c and 1 more"):
        group_each(list("abcd"), groups_by_pattern("patient"))
