"""The committed configurations: one source, a comment a key, and all of them load."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from segcli.config.keys import describe, leaves, sections
from segcli.config.load import load_config
from segcli.config.template import template
from segcli.models.table import MODELS

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
FILES = sorted(CONFIGS.glob("**/*.yaml"))


def test_every_model_of_the_table_has_its_file():
    assert {path.stem for path in FILES} >= set(MODELS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_what_the_template_writes_and_loads(path: Path):
    assert path.read_text(encoding="utf-8") == template(path.stem), "run `python -m segcli.config.template configs`"
    config = load_config(path).config
    assert config.Global.model == path.stem
    assert config.Global.device == "auto"
    assert config.Train.pretrain_weight_path is None


def test_every_key_has_a_comment():
    for key in [*leaves(), *filter(None, sections())]:
        assert describe(key)
    lines = template("PP-LiteSeg-T").splitlines()
    for above, line in pairwise(lines):
        if line.strip() and not line.lstrip().startswith("#"):
            assert above.lstrip().startswith("#"), line
