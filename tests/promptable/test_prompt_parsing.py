from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from segcli.errors import InputError, UsageError
from segcli.promptable.prompt_parsing import parse_document, parse_options, read_prompts
from segcli.promptable.prompts import ObjectPrompt, Point, raise_faults


def objects_of(value: Any) -> tuple[ObjectPrompt, ...]:
    """The prompts of PaddleX's table."""
    parsed = parse_document(value)
    raise_faults(parsed.faults)
    return parsed.prompts[0].objects


def test_options_make_one_object_of_each_box() -> None:
    objects = parse_options(boxes=["112.9,118.4,513.8,382.1", " 4.6, 263.5,92.2,336.6"], texts=["bear"])

    assert [prompt.box for prompt in objects[:2]] == [(112.9, 118.4, 513.8, 382.1), (4.6, 263.5, 92.2, 336.6)]
    assert (objects[2].text, objects[2].label) == ("bear", "bear")


def test_points_alone_are_one_object() -> None:
    (prompt,) = parse_options(points=["49,290", "60,300,0"])

    assert prompt.points == (Point(49, 290, 1), Point(60, 300, 0))
    assert prompt.box is None


def test_points_refine_the_only_box_or_the_box_they_lie_in() -> None:
    (alone,) = parse_options(boxes=["0,0,10,10"], points=["50,50,0"])
    first, second = parse_options(boxes=["0,0,10,10", "20,20,30,30"], points=["25,25", "5,5,0"])

    assert alone.points == (Point(50, 50, 0),)
    assert first.points == (Point(5, 5, 0),)
    assert second.points == (Point(25, 25, 1),)


def test_faults_of_options_are_all_listed() -> None:
    with pytest.raises(UsageError, match="3 prompts cannot be used") as caught:
        parse_options(boxes=["1,2,3", "a,b,c,d"], points=["1,2,5"])

    assert "--box 1,2,3: a box is four numbers" in str(caught.value)
    assert "--point 1,2,5: the label 5" in str(caught.value)
    with pytest.raises(UsageError, match="in no box"):
        parse_options(boxes=["0,0,10,10", "20,20,30,30"], points=["15,15"])
    with pytest.raises(UsageError, match="in several boxes"):
        parse_options(boxes=["0,0,10,10", "5,5,30,30"], points=["7,7"])


def test_paddlex_dictionary() -> None:
    boxes = objects_of({"box_prompt": [[1, 2, 3, 4], [5, 6, 7, 8]]})
    points = objects_of({"point_prompt": [[49, 290], [[1, 2], [3, 4, 0]]]})

    assert [prompt.box for prompt in boxes] == [(1, 2, 3, 4), (5, 6, 7, 8)]
    assert [prompt.points for prompt in points] == [(Point(49, 290),), (Point(1, 2), Point(3, 4, 0))]
    assert objects_of({"text_prompt": ["bear"]})[0].text == "bear"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"box_prompt": []}, "box_prompt: is empty"),
        ({"box_prompt": [[1, 2, 3]]}, "box_prompt 1: a box is four numbers"),
        ({"point_prompt": [[1]]}, "point_prompt 1: a point is two numbers"),
        ({"point_prompt": "1,2"}, "point_prompt: is empty or no list"),
        ({"text_prompt": ["bear"], "box": [1, 2, 3, 4]}, "expected a table"),
        ({"boxes": [[1, 2, 3, 4]]}, "boxes: entry 1 is no table"),
        ({"images": [3], "annotations": []}, "images: entry 1 is no table"),
        ({"images": [], "annotations": [], "categories": None}, "categories: is no list"),
        ({"shapes": ["box"]}, "shapes: entry 1 is no table"),
        ({"shapes": [{"shape_type": "rectangle", "points": [1, 2]}]}, "shape 1: its points are no list"),
        ({"shapes": [{"shape_type": "point", "points": [[1, "x"]]}]}, "shape 1: its points are no list"),
        ({}, "is no prompt file"),
        ([[1, 2, 3, 4]], "is no prompt file"),
    ],
)
def test_bad_documents(value: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        objects_of(value)


def write(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


def test_our_own_file(tmp_path: Path) -> None:
    dog = {"label": "dog", "box": [1, 2, 30, 40], "points": [[5, 6, 1], [7, 8, 0]]}
    document = {"images": [{"image": "a.jpg", "objects": [dog, {"text": "bear"}]}, {"image": "b.jpg", "objects": []}]}

    first, second = read_prompts(write(tmp_path / "p.json", document))

    assert first.image == "a.jpg"
    assert first.objects[0].label == "dog"
    assert first.objects[0].box == (1, 2, 30, 40)
    assert first.objects[0].points == (Point(5, 6), Point(7, 8, 0))
    assert first.objects[1].text == "bear"
    assert second.objects == ()


def test_faults_of_a_file_are_all_named(tmp_path: Path) -> None:
    bad = [{"box": [1, 2, 3]}, {"points": [[1]]}, {"bbox": [1, 2, 3, 4]}]
    path = write(tmp_path / "p.json", {"images": [{"image": "a.jpg", "objects": bad}, {"image": "b.jpg"}]})

    with pytest.raises(UsageError, match="4 prompts") as caught:
        read_prompts(path)

    for part in ("p.json: a.jpg: object 1: a box is four", "object 2: a point is two", "unknown bbox", "entry 2"):
        assert part in str(caught.value)


def test_null_coordinates_become_nan_for_the_later_check() -> None:
    document = {"images": [{"image": "a.jpg", "objects": [{"box": [1, 2, None, 4]}]}]}

    box = parse_document(document).prompts[0].objects[0].box

    assert box is not None
    assert math.isnan(box[2])


def test_samexporter_list_is_one_object() -> None:
    marks = [
        {"type": "point", "data": [575, 750], "label": 0},
        {"type": "rectangle", "data": [425, 600, 700, 875]},
        {"type": "point", "data": [500, 700]},
    ]

    parsed = parse_document(marks)

    assert parsed.faults == []
    (prompt,) = parsed.prompts[0].objects
    assert prompt.box == (425, 600, 700, 875)
    assert prompt.points == (Point(575, 750, 0), Point(500, 700, 1))
    assert "only one rectangle" in parse_document([marks[1], marks[1]]).faults[0]
    assert "unknown type 'lasso'" in parse_document([{"type": "lasso"}]).faults[0]


def test_labelme_shapes() -> None:
    shapes = [
        {"label": "cat", "shape_type": "rectangle", "points": [[30, 40], [10, 20]], "group_id": 1},
        {"label": "cat", "shape_type": "point", "points": [[12, 22]], "group_id": 1, "flags": {"negative": True}},
        {"label": "dog", "shape_type": "point", "points": [[5, 6]], "group_id": None},
        {"label": "dog", "shape_type": "polygon", "points": [[5, 6], [7, 8], [9, 1]]},
    ]

    parsed = parse_document({"shapes": shapes, "imagePath": "..\\images\\a.jpg"})

    assert parsed.prompts[0].image == "a.jpg"
    cat, dog = parsed.prompts[0].objects
    assert (cat.box, cat.points, cat.label) == ((10, 20, 30, 40), (Point(12, 22, 0),), "cat")
    assert (dog.points, dog.label) == ((Point(5, 6),), "dog")
    assert parsed.faults == ["shape 4: a polygon is no prompt here; rectangles (one per object) and points are"]


def test_coco_boxes() -> None:
    document = {
        "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "b.jpg"}],
        "annotations": [
            {"id": 1, "image_id": 7, "bbox": [10, 20, 30, 40], "category_id": 2},
            {"id": 2, "image_id": 9, "bbox": [10, 20, 30, 40], "category_id": 2},
            {"id": 3, "image_id": 7, "bbox": [10, 20], "category_id": 2},
        ],
        "categories": [{"id": 2, "name": "cell"}],
    }

    parsed = parse_document(document)

    (entry,) = parsed.prompts
    assert (entry.image, entry.objects[0].box, entry.objects[0].label) == ("a.jpg", (10, 20, 40, 60), "cell")
    assert entry.objects[0].may_be_clipped
    assert [fault.split(":")[0] for fault in parsed.faults] == ["annotation 2", "annotation 3"]


def test_detector_results() -> None:
    boxes = [{"cls_id": 0, "label": "cup", "score": 0.9, "coordinate": [1.5, 2, 30, 40]}]

    (entry,) = parse_document({"input_path": "images/a.jpg", "page_index": None, "boxes": boxes}).prompts

    assert entry.image == "images/a.jpg"
    expected = ObjectPrompt(box=(1.5, 2, 30, 40), label="cup", name="box 1", may_be_clipped=True)
    assert entry.objects == (expected,)


def test_folder_of_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        shape = {"label": name, "shape_type": "rectangle", "points": [[1, 2], [3, 4]]}
        write(tmp_path / f"{name}.json", {"shapes": [shape], "imagePath": f"{name}.jpg"})

    assert [entry.image for entry in read_prompts(tmp_path)] == ["a.jpg", "b.jpg"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    write(tmp_path / "strange.json", {"hello": 1})
    (tmp_path / "empty").mkdir()

    with pytest.raises(InputError, match="no JSON"):
        read_prompts(tmp_path / "broken.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_prompts(tmp_path / "absent.json")
    with pytest.raises(UsageError, match=r"strange\.json: is no prompt file"):
        read_prompts(tmp_path / "strange.json")
    with pytest.raises(InputError, match="no prompt files"):
        read_prompts(tmp_path / "empty")


def test_several_texts_in_one_string_are_asked_alone():
    assert [one.text for one in parse_options(texts=["leaf, glass tile", "bear"])] == ["leaf", "glass tile", "bear"]
    for given in ("leaf, tile", ["leaf, tile"], ["leaf", "tile"]):
        assert [one.label for one in objects_of({"text_prompt": given})] == ["leaf", "tile"]
