"""Durations that are shown are read again, and are never too short."""

from __future__ import annotations

import pytest

from segcli.config.durations import parse_time, shown_as_option


@pytest.mark.parametrize(
    ("seconds", "shown"), [(3, "10s"), (81, "90s"), (91, "2m"), (240, "4m"), (241, "5m"), (5401, "1.6h"), (7200, "2h")]
)
def test_a_shown_duration_is_read_as_at_least_as_long(seconds: float, shown: str) -> None:
    assert shown_as_option(seconds) == shown
    assert parse_time(shown) >= seconds
