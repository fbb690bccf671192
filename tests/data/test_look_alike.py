"""Names that look alike are found, others are not."""

from __future__ import annotations

import pytest

from segcli.data.look_alike import difference, look_alikes


@pytest.mark.parametrize(
    ("name", "other", "differs"),
    [
        ("car", "сar", "U+0441 cyrillic small letter es"),
        ("car", "ｃａｒ", "U+FF43 fullwidth latin small letter c"),
        ("car", "ca\u200br", "U+200B zero width space"),
        ("car", "Car", "case"),
        ("traffic light", "traffic_light", "spaces, hyphens or underscores"),
        ("class-1", "class 1", "spaces, hyphens or underscores"),
        ("é", "e\u0301", "U+0301 combining acute accent"),
    ],
)
def test_they_look_alike_and_the_difference_is_told(name: str, other: str, differs: str) -> None:
    assert list(look_alikes([name, other])) == [(other, name)]
    assert difference(other, name) == differs


@pytest.mark.parametrize(
    "names", [("car", "cart"), ("car", "cár"), ("class 1", "class 11"), ("кот", "dog"), ("1", "l")]
)
def test_others_do_not(names: tuple[str, str]) -> None:
    assert list(look_alikes(names)) == []
