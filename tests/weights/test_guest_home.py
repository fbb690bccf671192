"""An exported model is found in its own folder, in that of its weights and in that of its training."""

from __future__ import annotations

from pathlib import Path

import pytest

from segcli.weights.guest_home import MANIFEST, exported_in


@pytest.mark.parametrize("place", [".", "inference", "best_model/inference"])
def test_an_export_is_found_in_the_folders_that_hold_it(place: str, tmp_path: Path) -> None:
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    (tmp_path / place / MANIFEST).touch()

    assert exported_in(tmp_path) == tmp_path / place


def test_a_folder_without_an_export_stays(tmp_path: Path) -> None:
    (tmp_path / "inference").mkdir()

    assert exported_in(tmp_path) == tmp_path


def test_the_export_of_the_folder_itself_comes_first(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "inference", tmp_path / "best_model" / "inference"):
        place.mkdir(parents=True, exist_ok=True)
        (place / MANIFEST).touch()

    assert exported_in(tmp_path) == tmp_path
    (tmp_path / MANIFEST).unlink()
    assert exported_in(tmp_path) == tmp_path / "inference"


def test_a_run_that_was_exported_afterwards_has_its_export_beside_the_best_weights(tmp_path):
    (tmp_path / "inference").mkdir()
    (tmp_path / "inference" / MANIFEST).touch()
    assert exported_in(tmp_path / "best_model" / "inference") == tmp_path / "inference"
