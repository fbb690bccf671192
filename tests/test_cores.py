"""Cores that a process may use."""

from __future__ import annotations

import pytest

from segcli import cores


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """The folder of control groups, on a machine of 64 cores."""
    monkeypatch.setattr(cores, "_GROUPS", tmp_path)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)), raising=False)
    return tmp_path


def write(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("5000 100000\n", 1),
        ("9900000 100000\n", 64),
        ("max 100000\n", 64),
        ("", 64),  # nothing that can be read
    ],
)
def test_a_container_has_the_cores_of_its_time(groups, quota, expected):
    write(groups / "cpu.max", quota)
    assert cores.available_cores() == expected


@pytest.mark.parametrize(("quota", "expected"), [("250000\n", 3), ("-1\n", 64)])
def test_so_it_has_under_the_first_version(groups, quota, expected):
    write(groups / "cpu/cpu.cfs_quota_us", quota)
    write(groups / "cpu/cpu.cfs_period_us", "100000\n")
    assert cores.available_cores() == expected


def test_without_a_limit_all_bound_cores_count(groups):
    assert cores.available_cores() == 64
