"""Near-duplicate images in train and val: those in val are moved to train, with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from segcli.data.files import is_file
from segcli.data.formats.coco_references import plain_id
from segcli.data.samples import Split
from segcli.findings import Finding
from segcli.steps.fix.copies import by_file, many, would_be_empty
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.json_file import JsonFile
from segcli.steps.fix.places import image_of, line_of


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Moves lines, or images with their annotations; scores are then measured on unseen images."""
    _move_lines(draft, rule, by_file(line_of, findings).get(draft.lists.get(Split.VAL, ""), set()))
    _move_images(draft, rule, by_file(image_of, findings).get(draft.annotations.get(Split.VAL, ""), set()))


def _move_lines(draft: Draft, rule: str, numbers: set[int]) -> None:
    names = draft.lists
    if not numbers or not all(is_file(draft.root / name) for name in names.values()):
        return
    source, target = draft.list_file(names[Split.VAL]), draft.list_file(names[Split.TRAIN])
    numbers &= {number for number, _ in source.entries()}
    if not numbers or would_be_empty(draft, rule, names[Split.VAL], len(list(source.entries())) - len(numbers)):
        return
    for number in sorted(numbers):
        target.append(source.remove(number))
    draft.done(rule, names[Split.VAL], f"{many(len(numbers), 'line')} moved to {names[Split.TRAIN]}")


def _move_images(draft: Draft, rule: str, ids: set[int]) -> None:
    files = {split: (name, file) for split, name, file in draft.annotation_files()}
    if not ids or len(files) < len(Split):
        return
    (val, source), (train, target) = files[Split.VAL], files[Split.TRAIN]
    categories = _same_categories(source, target)
    images = [
        entry for entry in source.content["images"] if isinstance(entry, dict) and plain_id(entry.get("id")) in ids
    ]
    objects = [e for e in source.content["annotations"] if isinstance(e, dict) and plain_id(e.get("image_id")) in ids]
    unknown = [entry for entry in objects if plain_id(entry.get("category_id")) not in categories]
    if unknown:
        draft.left(rule, val, f"annotation {unknown[0].get('id')} is of a category that {train} lacks")
        return
    if would_be_empty(draft, rule, val, len(source.content["images"]) - len(images)):
        return
    _take(source, images, objects)
    _give(target, images, objects, categories)
    draft.done(rule, val, f"{many(len(images), 'image')} moved to {train} with {many(len(objects), 'annotation')}")


def _same_categories(source: JsonFile, target: JsonFile) -> dict[Any, Any]:
    """Maps category ids of the source to those of the target with the same name."""
    targets = [entry for entry in target.content["categories"] if isinstance(entry, dict)]
    names = {str(entry.get("name")): plain_id(entry.get("id")) for entry in targets}
    own = [entry for entry in source.content["categories"] if isinstance(entry, dict)]
    return {plain_id(entry.get("id")): names[name] for entry in own if (name := str(entry.get("name"))) in names}


def _take(file: JsonFile, images: Sequence[Any], objects: Sequence[Any]) -> None:
    gone = {id(entry) for entry in (*images, *objects)}
    for key in ("images", "annotations"):
        file.content[key] = [entry for entry in file.content[key] if id(entry) not in gone]
    file.is_changed = True


def _give(file: JsonFile, images: Sequence[Any], objects: Sequence[Any], categories: dict[Any, Any]) -> None:
    new_image, new_object = _top(file.content["images"]) + 1, _top(file.content["annotations"]) + 1
    image_ids = {entry["id"]: new_image + number for number, entry in enumerate(images)}
    file.content["images"] += [{**entry, "id": image_ids[entry["id"]]} for entry in images]
    file.content["annotations"] += [
        {
            **entry,
            "id": new_object + number,
            "image_id": image_ids[entry["image_id"]],
            "category_id": categories[entry["category_id"]],
        }
        for number, entry in enumerate(objects)
    ]
    file.is_changed = True


def _top(entries: Sequence[Any]) -> int:
    ids = [entry["id"] for entry in entries if isinstance(entry, dict) and type(entry.get("id")) is int]
    return max(ids, default=0)
