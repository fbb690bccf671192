from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from segcli.engines.paddledet.importing import STUBBED

ROOT = Path(__file__).resolve().parents[3]
WITHOUT_THEM = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {STUBBED!r}:
            raise ModuleNotFoundError(name)
"""
PLAIN = f"""
import warnings; warnings.simplefilter("ignore")
import paddle, pycocotools.coco
{WITHOUT_THEM}
sys.meta_path.insert(0, Absent())
import ppdet
"""
OURS = f"""
import json, logging, sys, warnings
warnings.simplefilter("ignore")
import paddle
import paddle.nn.functional as F
{WITHOUT_THEM}
for name in {STUBBED!r}:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
before = {{**vars(paddle), **vars(F), **vars(paddle.nn.Layer), **vars(paddle.Tensor)}}
warnings.resetwarnings()
warnings.simplefilter("error")
from segcli.engines.paddledet.patches import apply_patches
from segcli.engines.paddledet.importing import import_ppdet
from segcli.engines.paddledet.registration import register_instance_networks
apply_patches()
register_instance_networks()
register_instance_networks()
after = {{**vars(paddle), **vars(F), **vars(paddle.nn.Layer), **vars(paddle.Tensor)}}
loggers = [logging.getLogger(n) for n in logging.root.manager.loggerDict if n.startswith("ppdet")]
report = {{
    "same": import_ppdet() is sys.modules["ppdet"],
    "stubs_left": sorted(n for n, module in sys.modules.items() if type(module).__name__ == "_Stub"),
    "replaced": sorted(n for n in before if after.get(n) is not before[n]),
    "handlers": sum(len(logger.handlers) for logger in loggers),
    "mute": sorted(logger.name for logger in loggers if not logger.propagate),
}}
sys.stderr.write("REPORT" + json.dumps(report))
"""
HALF_WAY = """
import sys
from segcli.engines.paddledet.importing import _stand_ins
from segcli.engines.paddledet.registration import register_instance_networks
with _stand_ins():
    sys.modules["pandas"] = None
    try:
        import ppdet
        raise SystemExit("it has not failed")
    except ModuleNotFoundError:
        assert "ppdet.modeling" in sys.modules and "ppdet" not in sys.modules
register_instance_networks()
assert sys.modules["ppdet"].modeling is sys.modules["ppdet.modeling"]
"""


def run(script: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, cwd=home)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], str, Path]:
    home = tmp_path_factory.mktemp("home")
    done = run(OURS, home)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stderr.rpartition("REPORT")[2]), done.stdout, home


def test_the_plain_import_fails_without_the_packages(tmp_path: Path) -> None:
    done = run(PLAIN, tmp_path)

    assert done.returncode != 0
    assert "ModuleNotFoundError" in done.stderr


def test_ours_needs_none_of_them_and_leaves_no_stand_in(ours: tuple[dict[str, object], str, Path]) -> None:
    assert ours[0]["same"] is True
    assert ours[0]["stubs_left"] == []


def test_an_import_that_failed_half_way_before_does_not_matter(tmp_path: Path) -> None:
    done = run(HALF_WAY, tmp_path)
    assert done.returncode == 0, done.stderr


def test_paddle_is_as_before(ours: tuple[dict[str, object], str, Path]) -> None:
    assert ours[0]["replaced"] == []


def test_its_messages_go_to_our_loggers(ours: tuple[dict[str, object], str, Path]) -> None:
    assert ours[1] == ""
    assert ours[0]["handlers"] == 0
    assert ours[0]["mute"] == []


def test_nothing_is_written_to_the_home(ours: tuple[dict[str, object], str, Path]) -> None:
    assert [p for p in ours[2].rglob("*") if p.is_file()] == []


def test_images_that_are_cut_off_stay_an_error_after_the_import(tmp_path: Path) -> None:
    """PaddleDetection's trainer tells Pillow to accept them, for the whole process."""
    done = run(
        "from segcli.engines.paddledet.importing import import_ppdet; import_ppdet(); "
        "from PIL import ImageFile; assert not ImageFile.LOAD_TRUNCATED_IMAGES",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
