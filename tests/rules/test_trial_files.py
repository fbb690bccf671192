"""The single files and half-changed folders of `../shared/cases` (r_01 to r_09), each with its own command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from segcli.cli.main import main
from tests.coco_folder import make_coco_folder
from tests.files import snapshot
from tests.labelme_folder import box, write_labelme
from tests.seg_folder import make_seg_folder

Shared = Callable[[str], Path]
JOURNALS = ("29690d9e", "5b320eb8", "7fcd1a3b", "d178165a", "fd423ab7")
PROMPTS = ("29eb6c4b", "3753b092", "4d485529", "aa9344ef", "b4ba4397", "ed97e4fc")


def copied(source: Path, target: Path) -> Path:
    """A copy that may be written."""
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target


def typed(*words: str | Path, exit_code: int = 3) -> str:
    """What a command shows, on one line; it ends with a message and this exit code."""
    outcome = CliRunner().invoke(main, [str(word) for word in words])
    shown = " ".join(outcome.output.split())
    assert outcome.exit_code == exit_code, shown
    assert "please report it" not in shown and "Traceback" not in shown
    return shown


def test_r_01_a_journal_that_names_files_outside(tmp_path, shared: Shared):
    root = copied(shared("cases/r_01_journal_path_traversal"), tmp_path / "case")
    before = snapshot(root, without="")
    assert "does not lie inside the dataset" in typed("convert", root / "ds", "--dry-run")
    assert snapshot(root, without="") == before


@pytest.mark.parametrize("name", ["train4_val1_none3", "train4_val4_both3_none3"])
def test_r_03_a_split_that_was_killed(tmp_path, shared: Shared, name):
    root = copied(shared(f"cases/r_03_killed_split/{name}"), tmp_path / "data")
    model = ("--model", "PP-LiteSeg-T", "--output", tmp_path / "out")
    assert f"segcli undo {root}" in typed("check", root, "--output", tmp_path / "out")
    assert "a split was stopped half-way" in typed("train", "--dataset", root, *model)
    typed("undo", root, exit_code=0)
    assert "a split was stopped" not in CliRunner().invoke(main, ["check", str(root)]).output


def test_r_07_a_header_that_states_another_size(tmp_path, shared: Shared):
    folder = make_seg_folder(tmp_path / "data")
    shutil.copyfile(shared("cases/r_07_image_headers/png40000_short.png"), folder.root / "images" / "b.png")
    cv2.imwrite(str(folder.root / "annotations" / "b.png"), np.zeros((48, 64), np.uint8))
    with (folder.root / "train.txt").open("a") as file:
        file.write("images/b.png annotations/b.png\n")
    shown = typed("check", folder.root, "--output", tmp_path / "out")
    assert "S203 error images/b.png" in shown and "40000 x 40000 px" in shown


def test_r_08_weights_that_ask_for_memory(shared: Shared):
    file = shared("cases/r_08_weight_files/memo_256M.pdparams")
    limited = "import resource; resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))\n"
    run = "from segcli.cli.main import main; main()"
    words = [sys.executable, "-c", limited + run, "weights", "inspect", str(file)]
    one = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # each thread reserves memory
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, env=one)
    shown = done.stdout + done.stderr
    assert done.returncode == 1 and file.name in shown.replace("\n", "") and "MemoryError" not in shown, shown


@pytest.mark.parametrize("name", JOURNALS)
def test_r_09_odd_journals(tmp_path, shared: Shared, name):
    folder = make_seg_folder(tmp_path / "data")
    state = folder.root / ".segcli" / "001-convert"
    state.mkdir(parents=True)
    shutil.copyfile(shared(f"cases/r_09_fuzz_crashers/journal_{name}"), state / "journal.json")
    assert "journal.json" in typed("check", folder.root, "--output", tmp_path / "out")


@pytest.mark.parametrize("name", ["23140f4c", "d3957392"])
def test_r_09_odd_journals_of_what_was_done(tmp_path, shared: Shared, name):
    folder = make_seg_folder(tmp_path / "data")
    state = folder.root / ".segcli" / "001-convert"
    state.mkdir(parents=True)
    shutil.copyfile(shared(f"cases/r_09_fuzz_crashers/journal_{name}"), state / "journal.json")
    assert "journal.json" in typed("undo", folder.root)


def test_r_09_odd_labels_and_lists(tmp_path, shared: Shared):
    cases = shared("cases/r_09_fuzz_crashers")
    write_labelme(tmp_path / "labelme", "a", [box("cat", 4, 4, 20, 20)])
    shutil.copyfile(cases / "labelme_83e7efbf", tmp_path / "labelme" / "b.json")
    assert "b.json" in typed("convert", tmp_path / "labelme", "--task", "semantic", "--output", tmp_path / "out")
    coco = make_coco_folder(tmp_path / "coco")
    shutil.copyfile(cases / "coco_4d15a419", coco.file("train"))
    assert "instance_train.json" in typed("check", coco.root, "--output", tmp_path / "out")
    masks = make_seg_folder(tmp_path / "masks")
    shutil.copyfile(cases / "lists_classes_175e7cc4", masks.root / "train.txt")
    assert "train.txt line" in typed("check", masks.root, "--output", tmp_path / "out")
    masks = make_seg_folder(tmp_path / "images")
    shutil.copyfile(cases / "image_bytes_44a7d2e0", masks.image("a0"))
    assert "images/a0.jpg" in typed("check", masks.root, "--output", tmp_path / "out")


@pytest.mark.parametrize("name", PROMPTS)
def test_r_09_odd_prompts(tmp_path, shared: Shared, name):
    prompts = tmp_path / "prompts.json"
    shutil.copyfile(shared(f"cases/r_09_fuzz_crashers/prompts_{name}"), prompts)
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((48, 64, 3), np.uint8))
    words = ("predict", tmp_path / "images", "--model", "SAM-tiny", "--prompts", prompts, "--output", tmp_path / "out")
    outcome = CliRunner().invoke(main, [str(word) for word in words])
    assert outcome.exit_code in (1, 2) and "prompt" in outcome.output
    assert "please report it" not in outcome.output


def test_r_09_a_tag_in_a_configuration(shared: Shared):
    file = shared("cases/r_09_fuzz_crashers/bool_tag.yaml")
    assert file.name in typed("check", "-c", file, exit_code=2)


def test_r_09_odd_weights(shared: Shared):
    file = shared("cases/r_09_fuzz_crashers/weights_7fa8e2e6")
    assert file.name in typed("weights", "inspect", file, exit_code=1)
