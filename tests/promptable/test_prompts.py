from __future__ import annotations

import math

import pytest

from segcli.data.boxes import BoxXyxy
from segcli.errors import UsageError
from segcli.promptable.prompts import (
    ImagePrompts,
    ObjectPrompt,
    Point,
    check_objects,
    match_images,
    valid_objects,
)


@pytest.mark.parametrize(
    ("box", "fault"),
    [
        ((60, 10, 20, 50), "reversed"),
        ((10, 50, 20, 10), "reversed"),
        ((10, 10, 10, 20), "no area"),
        ((70, 50, 90, 80), "outside the image of 64x48"),
        ((-5, 5, 20, 20), "outside"),
        ((math.nan, 5, 20, 20), "no number"),
        ((1, 5, math.inf, 20), "no number"),
    ],
)
def test_bad_boxes(box: BoxXyxy, fault: str) -> None:
    _, faults = check_objects([ObjectPrompt(box=box, name="box 3")], 64, 48, "a.jpg")

    assert len(faults) == 1
    assert faults[0].startswith("a.jpg: box 3: the box")
    assert fault in faults[0]


def test_all_faults_are_listed_at_once() -> None:
    objects = [
        ObjectPrompt(box=(60, 10, 20, 50), points=(Point(-1, 5), Point(3, 3, 7)), name="object 1"),
        ObjectPrompt(name="object 2"),
        ObjectPrompt(points=(Point(3, 3, 0),), name="object 3"),
        ObjectPrompt(text=" ", name="object 4"),
        ObjectPrompt(points=(Point(math.nan, 3),), name="object 5"),
    ]

    with pytest.raises(UsageError, match="7 prompts cannot be used") as caught:
        valid_objects(objects, 64, 48, "a.jpg")

    for part in ("reversed", "-1,5 is outside", "label 7", "neither box, point nor text", "at least one must be on it",
                 "object 4: the text is empty", "nan,3 has a value that is no number"):  # fmt: skip
        assert part in str(caught.value)


def test_no_prompts_is_a_fault() -> None:
    assert check_objects([], 64, 48, "a.jpg")[1][0].startswith("a.jpg: there is no prompt")


def test_boxes_are_cut_to_the_image_within_the_tolerance_or_where_allowed() -> None:
    near = ObjectPrompt(box=(-0.6, 0, 64.9, 48.2))
    far = ObjectPrompt(box=(-9, 5, 20, 20), may_be_clipped=True)

    checked, faults = check_objects([near, far], 64, 48, "a.jpg")

    assert faults == []
    assert [prompt.box for prompt in checked] == [(0, 0, 64, 48), (0, 5, 20, 20)]


def test_a_box_wholly_outside_is_a_fault_even_where_clipping_is_allowed() -> None:
    away = ObjectPrompt(box=(70, 5, 90, 20), may_be_clipped=True)

    assert len(check_objects([away], 64, 48, "a.jpg")[1]) == 1


def test_images_are_matched_by_path_ending_and_name() -> None:
    images = ["set/a/1.jpg", "set/b/1.jpg", "set/b/2.jpg"]
    one, two, both = (ObjectPrompt(box=(0, 0, 1, 1), name=name) for name in ("one", "two", "both"))

    found, faults = match_images(
        images,
        [
            ImagePrompts("a/1.jpg", (one,)),
            ImagePrompts("elsewhere/2.jpg", (two,)),
            ImagePrompts(None, (both,)),
            ImagePrompts("1.jpg", (one,)),
            ImagePrompts("3.jpg", (one,)),
        ],
    )

    assert found == {"set/a/1.jpg": (one, both), "set/b/1.jpg": (both,), "set/b/2.jpg": (two, both)}
    assert [fault.split(":")[0] for fault in faults] == ["1.jpg", "3.jpg"]
    assert "several images" in faults[0]
    assert "no such image" in faults[1]


def test_one_point_is_ambiguous() -> None:
    assert ObjectPrompt(points=(Point(1, 1),)).is_ambiguous
    assert not ObjectPrompt(points=(Point(1, 1), Point(2, 2, 0))).is_ambiguous
    assert not ObjectPrompt(box=(0, 0, 1, 1), points=(Point(1, 1),)).is_ambiguous
