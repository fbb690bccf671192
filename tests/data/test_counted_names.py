"""Names that count objects are told from names of grades and of parts."""

from __future__ import annotations

import pytest

from segcli.data.counted_names import counted_names


def numbered(pattern: str, *amounts: int) -> list[list[str]]:
    return [[pattern.format(number) for number in range(1, amount + 1)] for amount in amounts]


@pytest.mark.parametrize("pattern", ["cat{}", "cat {}", "cat_{:03d}"])
def test_objects_that_are_counted(pattern):
    (found,) = counted_names(numbered(pattern, 2, 3, 2, 4, 2))
    assert (found.name, found.images) == ("cat", 5)
    assert found.names == tuple(pattern.format(number) for number in (1, 2, 3, 4))
    assert found.told.startswith(f"{pattern.format(1)!r} to {pattern.format(4)!r} count")


@pytest.mark.parametrize("pattern", ["#{}", "{}"])
def test_a_number_alone_has_no_name(pattern):
    assert [found.name for found in counted_names(numbered(pattern, 2, 3, 2, 4, 2))] == [""]


@pytest.mark.parametrize(
    "images",
    [
        numbered("L{}", *[5] * 17, *[4] * 3),
        numbered("layer {}", *[7] * 9),
        [*numbered("grade{}", 1, 2, 3, 2), ["grade2"]],
        [*numbered("grade{}", 1, 2, 3, 2), ["grade1", "grade1"]],
        numbered("cat{}", 2, 3, 2, 4),
    ],
    ids=["parts, some cut off", "parts", "one grade", "one grade twice", "few images"],
)
def test_names_that_do_not_count(images):
    assert counted_names(images) == []
