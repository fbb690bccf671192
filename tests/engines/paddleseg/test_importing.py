from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from segcli.engines.paddleseg.importing import import_paddleseg

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
import paddle
import paddle.nn.functional as F
before = {**vars(paddle), **vars(F), **vars(paddle.nn.Layer)}
warnings.resetwarnings()
warnings.simplefilter("error")
from segcli.engines.paddleseg.patches import apply_patches
apply_patches()
after = {**vars(paddle), **vars(F), **vars(paddle.nn.Layer)}
unwanted = ("sklearn", "visualdl", "pandas", "matplotlib")
report = {
    "unwanted": sorted(name for name in sys.modules if name.partition(".")[0] in unwanted),
    "seg_home": os.environ.get("SEG_HOME"),
    "replaced": sorted(name for name in before if after.get(name) is not before[name]),
}
sys.stderr.write("REPORT" + json.dumps(report))
"""


@pytest.fixture(scope="module")
def fresh_import(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], str, Path]:
    home = tmp_path_factory.mktemp("home")
    environment = {**os.environ, "HOME": str(home), "SEG_HOME": "as-it-was", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, check=False, cwd=home
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stderr.rpartition("REPORT")[2]), done.stdout, home


def test_packages_it_does_not_need_are_not_imported(fresh_import: tuple[dict[str, object], str, Path]) -> None:
    assert fresh_import[0]["unwanted"] == []


def test_nothing_is_written_but_paddles_own_cache(fresh_import: tuple[dict[str, object], str, Path]) -> None:
    written = [path.relative_to(fresh_import[2]).as_posix() for path in fresh_import[2].rglob("*") if path.is_file()]
    folders = {path.name for path in fresh_import[2].iterdir()}

    assert written == []
    assert folders <= {".cache"}


def test_the_process_is_as_before(fresh_import: tuple[dict[str, object], str, Path]) -> None:
    report, stdout, _ = fresh_import

    assert report["seg_home"] == "as-it-was"
    assert report["replaced"] == []
    assert stdout == ""


def test_messages_go_to_logging(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    import_paddleseg()
    from paddleseg.utils import logger

    with caplog.at_level(logging.DEBUG, "segcli.paddleseg"):
        logger.warning("image 数据/é.png")
        logger.info("a step")

    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "image 数据/é.png"),
        ("DEBUG", "a step"),
    ]
    assert capsys.readouterr().out == ""
