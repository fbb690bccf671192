"""The committed configurations: one source, every key explained, each model with its recipe, all of them load."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from segcli.config.check import REFUSED
from segcli.config.keys import OPTIONAL_SECTIONS, describe, leaves, sections
from segcli.config.load import load_config
from segcli.config.template import DEFAULT_FILE, default_template, template
from segcli.models.table import MODELS

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
FILES = sorted(CONFIGS.glob("*/*.yaml"))
AGAIN = "run `python -m segcli.config.template configs`"


def uncommented(path: Path, folder: Path) -> Path:
    """The file with every value that stands as a comment made one."""
    values = re.sub(
        r"^( *)# ((?:- \{|\w+:( |$)|  - \{))", r"\1\2", path.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    made = folder / path.name
    made.write_text(values, encoding="utf-8")
    return made


def test_every_model_of_the_table_has_its_file():
    assert {path.stem for path in FILES} >= set(MODELS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_what_the_template_writes_and_loads(path: Path):
    assert path.read_text(encoding="utf-8") == template(path.stem), AGAIN
    config = load_config(path).config
    assert config.Global.model == path.stem
    assert config.Train.pretrain_weight_path in (None, "auto")
    assert not any(config.is_given(key) for key in leaves() if key.startswith("Train."))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_its_recipe_is_the_one_that_is_used(path: Path, tmp_path: Path):
    written = load_config(uncommented(path, tmp_path)).config
    assert written == load_config(path).config
    if MODELS[path.stem].recipe is not None:
        assert written.is_given("Train.learning_rate")


def test_the_files_are_short():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in [*FILES, CONFIGS / DEFAULT_FILE]}
    assert sum(lengths.values()) < 2000
    assert all(15 <= lengths[path] <= 35 for path in FILES)


def test_the_default_file_explains_every_key():
    text = (CONFIGS / DEFAULT_FILE).read_text(encoding="utf-8")
    assert text == default_template(), AGAIN
    assert load_config(CONFIGS / DEFAULT_FILE).config.Global.model == "PP-LiteSeg-T"
    named = set(re.findall(r"^ *(?:# )?(\w+):", text, flags=re.MULTILINE))
    shown = {key for key in leaves() if key not in REFUSED and key.rpartition(".")[0] not in OPTIONAL_SECTIONS}
    assert {key.rpartition(".")[2] for key in shown} <= named


def test_every_key_has_a_comment():
    for key in [*leaves(), *filter(None, sections())]:
        assert describe(key)
    for above, line in pairwise(default_template().splitlines()):
        if re.match(r" *(# )?\w+: ", line) and not line.endswith("."):
            assert above.lstrip().startswith("# "), line
