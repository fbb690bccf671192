"""Damaged datasets of every format: no traceback, nothing written, whatever the bytes.

`pytest -m slow tests/data/test_fuzz.py` tries 100,000 inputs in chunks of 1,000, each with a seed of its own, so that
one that fails is run again alone; `SEGCLI_FUZZ=5000` tries fewer.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from segcli.errors import SegcliError
from segcli.steps.check.instance import examine_coco_dataset
from segcli.steps.check.semantic import examine_seg_dataset
from segcli.steps.check.settings import PassSettings
from segcli.steps.convert.command import plan_conversion, read_dataset
from tests.coco_folder import make_coco_folder
from tests.files import snapshot
from tests.labelme_folder import box, convert_config, write_labelme
from tests.rules.replay import sound_of
from tests.seg_folder import make_seg_folder

_QUICK = 25
_CHUNK = 1_000
_LONG = int(os.environ.get("SEGCLI_FUZZ", "100000"))


def labelme(root: Path) -> None:
    for number, name in enumerate("ab"):
        write_labelme(root, name, [box("cat", 4, 4, 20, 20)], seed=number)


def read_all(root: Path) -> None:
    for image in read_dataset(root).images:
        image.read_objects()


KINDS: dict[str, tuple[Callable[[Path], object], Callable[[Path], object]]] = {
    "masks": (partial(make_seg_folder, train=1, val=1), partial(examine_seg_dataset, settings=PassSettings(workers=1))),
    "coco": (
        partial(make_coco_folder, train=1, val=1),
        partial(examine_coco_dataset, settings=PassSettings(workers=1)),
    ),
    "labelme": (labelme, lambda root: plan_conversion(convert_config(root, "PP-LiteSeg-T"))),
    "yolo": (partial(sound_of, "yolo"), read_all),
    "voc": (partial(sound_of, "voc"), read_all),
}

WORDS = st.sampled_from(
    [b"", b"null", b"-1", b"1e999", b"9" * 400, b"[" * 300, b'"', b"\x00", b"\xff\xfe", b"../../x", b"NaN", b"{}",
     b"[]", b"\n", b" ", b"true", b"\xed\xa0\x80", b"0.5", b"1" * 19, b"a" * 300]
)  # fmt: skip
EDIT = st.tuples(st.floats(0, 1), st.integers(0, 40), st.one_of(WORDS, st.binary(max_size=12)))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {}
    for name, (make, _) in KINDS.items():
        made[name] = tmp_path_factory.mktemp(name) / "data"
        make(made[name])
    return made


def damage(root: Path, which: float, edits: Any) -> None:
    files = sorted(path for path in root.rglob("*") if path.is_file() and ".segcli" not in path.parts)
    path = files[min(int(which * len(files)), len(files) - 1)]
    data = path.read_bytes()
    for place, length, word in edits:
        start = int(place * len(data))
        data = data[:start] + word + data[start + length :]
    path.write_bytes(data)


def survives(sound: dict[str, Path], folder: Path, name: str, which: float, edits: Any) -> None:
    root = folder / "data"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(sound[name], root)
    damage(root, which, edits)
    before = snapshot(folder, without="")
    try:
        KINDS[name][1](root)
    except SegcliError as error:
        assert str(error)
    assert snapshot(folder, without="") == before


def run(sound: dict[str, Path], folder: Path, name: str, examples: int, chunk: int = 0) -> None:
    @seed(chunk)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.floats(0, 1), st.lists(EDIT, min_size=1, max_size=4))
    def trial(which: float, edits: Any) -> None:
        survives(sound, folder, name, which, edits)

    trial()


@pytest.mark.parametrize("name", KINDS)
def test_damaged_bytes_end_in_findings(sound, tmp_path, name):
    run(sound, tmp_path, name, _QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(1, 1 + max(1, _LONG // len(KINDS) // _CHUNK)))
@pytest.mark.parametrize("name", KINDS)
def test_many_damaged_bytes_end_in_findings(sound, tmp_path, name, chunk):
    run(sound, tmp_path, name, min(_CHUNK, _LONG // len(KINDS)), chunk)
