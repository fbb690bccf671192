"""Files that go while a check runs."""

from __future__ import annotations

from filecmp import cmp
from pathlib import Path

import pytest

from segcli.steps.check import copies
from segcli.steps.check.semantic import examine_seg_dataset
from segcli.steps.check.settings import PassSettings
from tests.seg_folder import make_seg_folder


def test_a_copy_that_goes_before_it_is_compared_is_no_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_seg_folder(tmp_path / "data")
    folder.image("a1").write_bytes(folder.image("a0").read_bytes())
    compared: list[str] = []

    def vanishing(one: str, other: str, *, shallow: bool) -> bool:
        compared.append(other)
        Path(other).unlink()
        return cmp(one, other, shallow=shallow)

    monkeypatch.setattr(copies, "cmp", vanishing)
    found = examine_seg_dataset(folder.root, settings=PassSettings(workers=1)).findings

    assert len(compared) == 1
    assert not any("same bytes" in one.message for one in found)
