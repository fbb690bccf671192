"""JSON and YAML that no number, text or stack of a program can hold."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from segcli.config.yaml_text import parse_value, read_yaml
from segcli.data import rle, yaml_nodes
from segcli.data.files import is_file
from segcli.data.formats.coco_objects import parse_object
from segcli.data.formats.labelme import read_labelme
from segcli.data.formats.yolo_layout import find_yolo
from segcli.data.json_text import parse_json, read_json
from segcli.data.lists import scan_list
from segcli.data.predictions import _entries
from segcli.data.sources import open_sources
from segcli.data.yaml_nodes import load_yaml
from segcli.errors import InputError, UsageError, WeightsError
from segcli.inference.calibration_file import Calibration
from segcli.inference.exported_model import ExportedModel
from segcli.models.card import ModelCard
from segcli.models.task import Task
from segcli.promptable.exported import ExportedParts
from segcli.promptable.prompt_parsing import parse_document, read_prompts
from segcli.results import write_result
from segcli.steps.batch.job import Job
from segcli.steps.check.instance import examine_coco_dataset
from segcli.steps.check.settings import PassSettings
from segcli.steps.fix.command import fix_dataset
from segcli.weights.checksums import damage_in
from tests.coco_folder import make_coco_folder

DIGITS = "1" * 400
BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))


def test_numbers_beyond_64_bits_become_floats() -> None:
    values = parse_json(f"[{2**63 - 1}, {2**63}, -{DIGITS}, 12345678901234567890123, {'9' * 6000}]")

    assert values[0] == 2**63 - 1
    assert values[1:] == [float(2**63), -math.inf, 12345678901234567890123.0, math.inf]
    assert [type(value) for value in values] == [int, float, float, float, float]


def test_halves_of_characters_are_spelt() -> None:
    assert parse_json(rb'{"\ud800a": ["\udfff", "\ud83d\ude00"]}') == {"\\ud800a": ["\\udfff", "😀"]}


def test_bytes_of_file_names_stay() -> None:
    assert parse_json(r'["\udcff.png"]') == ["\udcff.png"]


def test_deep_nesting_is_no_recursion_error() -> None:
    with pytest.raises(ValueError, match="nested too deep"):
        parse_json("[" * 100_000)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested too deep"),
        ("- " * 100_000, "nested too deep"),
        ("&a [*a]", "alias holds itself"),
        (BOMB, "those behind aliases"),
        ("<<: &m {<<: [&a {x: 1}, *a]}", None),
        ("!!bool 1", "tag does not fit"),
        ("!!int ''", "tag does not fit"),
        ("!!timestamp x", "tag does not fit"),
        ("x" * (5 << 20), "larger than"),
    ],
)
def test_hostile_yaml(text: str, message: str | None) -> None:
    if message is None:
        load_yaml(text)
        return
    with pytest.raises(ValueError, match=message):
        load_yaml(text)


@pytest.mark.parametrize(
    ("text", "most"),
    [("[" * 1000, 100), ("[" + "1," * 20_000, 5000), ("- 1\n" * 20_000, 5000)],
    ids=["deep", "flow", "block"],
)
def test_yaml_stops_at_its_limits_while_it_is_read(text: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each bracket is compared with all that are open; millions of values would be made before they are counted."""
    monkeypatch.setattr(yaml_nodes, "MOST_NODES", 1000)
    fetched = 0

    class Counted(yaml.SafeLoader):
        def fetch_more_tokens(self) -> Any:
            nonlocal fetched
            fetched += 1
            return super().fetch_more_tokens()

    with pytest.raises(ValueError, match=r"nested too deep|holds more than"):
        load_yaml(text, Counted)

    assert fetched < most


@pytest.mark.parametrize(
    "text", ["Global:\n  strict_device: !!bool 1\n", "Global: &a\n  model: *a\n", BOMB, "[" * 9_999]
)
def test_configuration_is_refused_with_its_path(tmp_path: Path, text: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text)

    document = read_yaml(file)

    assert [fault.key.partition(":")[0] for fault in document.faults] == [str(file)]


@pytest.mark.parametrize("text", ["[" * 5_000, "[&a [*a]]", "[!!bool 1]", "99999999999999999999", f"[1{DIGITS}, 5]"])
def test_value_of_an_option_is_refused_shortly(text: str) -> None:
    with pytest.raises(ValueError, match="is not valid YAML") as error:
        parse_value(text)

    assert len(str(error.value)) < 300


def test_deep_description_of_a_yolo_dataset_does_not_end_the_process(tmp_path: Path) -> None:
    """libyaml's loader overflows its stack on this one."""
    (tmp_path / "data.yaml").write_text("[" * 100_000)

    assert find_yolo(tmp_path) is None


def labelme(tmp_path: Path, shape: dict[str, Any], **others: Any) -> Path:
    path = tmp_path / "a.json"
    full = {"label": "a", "points": [[0, 0], [9, 0], [9, 9]], "shape_type": "polygon", **shape}
    path.write_text(json.dumps({"shapes": [full], "imagePath": "a.png", **others}))
    return path


@pytest.mark.parametrize("far", [int(DIGITS), 1e300, 3e7])
def test_far_points_of_labelme_are_findings(tmp_path: Path, far: float) -> None:
    path = labelme(tmp_path, {"points": [[0, 0], [far, 0], [9, 9]]})

    annotation, findings = read_labelme(path, "a.json")

    assert annotation is not None
    assert annotation.shapes == ()
    assert [found.code for found in findings] == ["L104"]


def test_half_a_character_in_a_label(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"shapes": [{"label": "\ud800", "points": [[0, 0], [9, 0], [9, 9]]}]}))

    annotation, _ = read_labelme(path, "a.json")

    assert annotation is not None
    assert annotation.shapes[0].label == "\\ud800"


@pytest.mark.parametrize("far", [10**19, 1e300])
def test_far_corners_of_coco_are_findings(far: float) -> None:
    entry = {"id": 1, "bbox": [0, 0, 9, 9], "area": 1, "segmentation": [[0, 0, far, 0, 9, 9]]}

    assert [code for code, _ in parse_object(entry, 0, 20, 20).faults] == ["C125"]


@pytest.mark.parametrize(
    "counts",
    [[2**63 - 1, 2**63 - 1, 20 * 20 + 2], [10**30], [2**64 + 400], [200, 2**32, 200 - 2**32], "_" * 40],
)
def test_run_lengths_that_wrap_are_refused(counts: list[int] | str) -> None:
    with pytest.raises(ValueError):
        rle.parse({"size": [20, 20], "counts": counts})


@pytest.mark.parametrize("size", [[1 << 40, 1 << 40], [1 << 16, 1 << 16]])
def test_run_length_codes_larger_than_any_image_are_refused(size: list[int]) -> None:
    with pytest.raises(ValueError, match="larger than any image"):
        rle.parse({"size": size, "counts": [size[0] * size[1]]})


NAMES = ["x" * 300 + ".png", "a\0b.png", "\ud800.png", "/".join(["y" * 100] * 60)]


@pytest.mark.parametrize("name", NAMES)
def test_name_that_no_file_can_have(name: str) -> None:
    assert not is_file(Path("/tmp") / name)


def test_long_names_in_a_list_are_missing_files(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(f"{NAMES[0]} {NAMES[0]}\n")

    samples, findings = scan_list(tmp_path, "train.txt")

    assert samples == ()
    assert [found.code for found in findings] == ["S201", "S202"]


PROMPTS: list[Any] = [
    {"images": [{"id": [], "file_name": "a"}], "annotations": [{"id": 1, "image_id": {}, "bbox": [1, 2, 3, 4]}]},
    {"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1, "bbox": [10**400, 2, 3, 4]}],
     "categories": [{"id": [], "name": "x"}]},
    {"shapes": [{"shape_type": "point", "points": [[1, 2]], "flags": [1], "group_id": {}, "label": []}]},
    {"boxes": [{"coordinate": [1, 2, 3, 10**400], "label": {}}]},
    {"boxes": ["\0"], "input_path": "a"},
    [{"type": [], "data": {}}],
    {"point_prompt": [[[10**400, 1]]]},
]  # fmt: skip


@pytest.mark.parametrize("document", PROMPTS)
def test_odd_prompts_are_read_or_refused(document: Any) -> None:
    for entry in parse_document(document).prompts:
        for prompt in entry.objects:
            assert prompt.label is None or isinstance(prompt.label, str)


def test_deep_prompt_file_names_itself(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"objects": [' + "[" * 50_000)

    with pytest.raises(Exception, match="nested too deep") as error:
        read_prompts(tmp_path / "p.json")

    assert str(tmp_path / "p.json") in str(error.value)


def test_crashers_of_the_review(shared: Callable[[str], Path]) -> None:
    folder = shared("cases/r_09_fuzz_crashers")
    for path in sorted(folder.glob("prompts_*")):
        try:
            read_prompts(path)
        except UsageError as error:
            assert len(str(error)) < 1_000
    with pytest.raises(ValueError, match="tag does not fit"):
        load_yaml((folder / "bool_tag.yaml").read_text(), yaml.SafeLoader)


@pytest.mark.parametrize("key", ["id", "image_id", "category_id"])
@pytest.mark.parametrize("value", [[1], {"a": 1}])
def test_ids_that_are_lists_or_tables_are_findings(tmp_path: Path, key: str, value: Any) -> None:
    folder = make_coco_folder(tmp_path / "data")
    folder.entry("train")[key] = value
    folder.write()

    found = examine_coco_dataset(folder.root, settings=PassSettings(workers=1)).findings

    assert {"id": "C107", "image_id": "C131", "category_id": "C132"}[key] in {one.code for one in found}
    fix_dataset(folder.root, Task.INSTANCE)


@pytest.mark.parametrize("text", ["[]", "null", "1", '{"preprocess": []}', "[" * 5_000])
def test_card_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "model_card.json").write_text(text)

    with pytest.raises(WeightsError, match="card"):
        ModelCard.beside(tmp_path / "model.pdparams")


def test_manifest_with_an_infinite_side(tmp_path: Path) -> None:
    (tmp_path / "inference.yml").write_text("Global: {model_name: x}\nDeploy: {input_shape: [.inf, 3, 1, 1]}")

    with pytest.raises(WeightsError, match="manifest is damaged"):
        ExportedModel.open(tmp_path)


def test_deep_checksums_are_damage(tmp_path: Path) -> None:
    (tmp_path / "checksums.json").write_text("[" * 5_000)

    assert "cannot be read" in (damage_in(tmp_path) or "")


def test_input_whose_name_is_too_long() -> None:
    with pytest.raises(InputError, match="no such file"):
        open_sources("x" * 300)


DEEP = "[" * 100_000


def _job(folder: Path) -> None:
    (folder / "batch.json").write_text(DEEP)
    with pytest.raises(UsageError, match="damaged"):
        Job.open(folder)


def _result(folder: Path) -> None:
    (folder / "train_result.json").write_text(DEEP)
    write_result(folder, "train", {}, done=True)
    assert json.loads((folder / "train_result.json").read_text())["done_flag"]


def _calibration(folder: Path) -> None:
    (folder / "calibration.json").write_text(DEEP)
    assert Calibration.of(folder, "0") is None


def _predictions(folder: Path) -> None:
    (folder / "results.json").write_text(DEEP)
    with pytest.raises(InputError, match="no JSON"):
        _entries(folder / "results.json")


def _parts(folder: Path) -> None:
    (folder / "inference.yml").write_text("Segcli: {parts: {}, mask_side: .inf, source_sha256: x}")
    with pytest.raises(WeightsError, match="no promptable model"):
        ExportedParts.open(folder)


@pytest.mark.parametrize("read", [_job, _result, _calibration, _predictions, _parts])
def test_records_nested_too_deep_or_infinite(tmp_path: Path, read: Callable[[Path], None]) -> None:
    read(tmp_path)


@pytest.mark.parametrize("read", [read_json, yaml_nodes.read_yaml])
def test_records_have_a_size(tmp_path: Path, read: Callable[[Path], Any]) -> None:
    path = tmp_path / "record"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ValueError, match="larger than"):
        read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("read", [read_json, yaml_nodes.read_yaml])
def test_records_in_a_named_pipe(tmp_path: Path, read: Callable[[Path], Any]) -> None:
    os.mkfifo(tmp_path / "record")
    with pytest.raises(OSError, match="named pipe"):
        read(tmp_path / "record")
