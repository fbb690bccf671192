"""What is given in the place of a dataset's folder."""

from __future__ import annotations

import pytest

from segcli.data.dataset_folder import require_folder, require_source
from segcli.errors import EXIT_USAGE, DatasetError, UsageError


@pytest.mark.parametrize(
    ("name", "message", "remedy"),
    [
        (None, "there is no such folder", "check the path"),
        ("model.YAML", "this is a file, and no folder", "-c {path}"),
        ("data.tar.gz", "this is an archive, and no folder", "unpack it"),
        ("data.json", "this is a file, and no folder", "give the folder"),
    ],
)
def test_what_is_there_is_told_with_a_remedy(tmp_path, name, message, remedy):
    path = tmp_path / (name or "absent")
    if name is not None:
        path.write_text("a: 1")
    with pytest.raises(DatasetError) as refused:
        require_folder(path)
    assert refused.value.exit_code == EXIT_USAGE
    assert [(one.code, one.message) for one in refused.value.findings] == [("S001", message)]
    assert message in refused.value.message and remedy.format(path=path) in (refused.value.hint or "")
    with pytest.raises(UsageError) as source:
        require_source(path)
    assert source.value.message == message and source.value.hint == refused.value.hint


def test_a_folder_is_taken(tmp_path):
    require_folder(tmp_path)
    require_source(tmp_path)
