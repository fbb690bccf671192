"""A format of another package is a row like any other; README's recipe says how it is made."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.coco_folder import make_coco_folder

README = Path(__file__).parents[3] / "docs" / "add_a_format.md"


@pytest.fixture
def recipe() -> dict[str, str]:
    """The files of the recipe by their names."""
    text = README.read_text(encoding="utf-8")
    return dict(re.findall(r"`(\S+)`:\n\n```\w*\n(.*?)```", text, re.DOTALL))


def test_the_recipe_makes_a_package_whose_format_converts_both_ways(tmp_path: Path, recipe: dict[str, str]):
    package = tmp_path / "package"
    for name, text in recipe.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text, encoding="utf-8")
    coco = make_coco_folder(tmp_path / "coco")
    program = (
        "import sys\n"
        f"sys.path.insert(0, {str(package)!r})\n"
        "from pathlib import Path\n"
        "from segcli.steps.convert.command import transfer_dataset\n"
        f"root = Path({str(tmp_path)!r})\n"
        "transfer_dataset(root / 'coco', root / 'boxes', 'boxes')\n"
        "print(transfer_dataset(root / 'boxes', root / 'back', 'coco').made['objects'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["10"]
    assert (tmp_path / "boxes/boxes.json").is_file()
    assert coco.root.is_dir()
