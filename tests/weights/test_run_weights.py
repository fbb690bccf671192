"""What a run lacks is said with the command that makes it."""

import pytest

from segcli.errors import UsageError
from segcli.inference.exported_model import ExportedModel
from segcli.weights.run_weights import best_weights, checkpoints, export_command, unmeasured


def test_checkpoints_are_in_order_of_iterations(tmp_path):
    for name in ("iter_100", "iter_25", "iter_x", "best_model"):
        (tmp_path / name).mkdir()
    assert [folder.name for folder in checkpoints(tmp_path)] == ["iter_25", "iter_100"]


@pytest.mark.parametrize("place", ["", "best_model", "best_model/inference"])
def test_a_run_stopped_before_its_first_measurement_is_resumed(tmp_path, place):
    run = tmp_path / "my run"
    (run / "iter_18").mkdir(parents=True)
    with pytest.raises(UsageError, match="stopped at iteration 18, before its first measurement") as caught:
        ExportedModel.open(run / place)
    assert f"segcli train --resume --output '{run}'" in str(caught.value)
    with pytest.raises(UsageError, match="stopped at iteration 18"):
        best_weights(run, "best_model.pdparams", "Export.weight_path")


def test_a_run_with_best_weights_only_lacks_the_export(tmp_path):
    (tmp_path / "iter_18").mkdir()
    (tmp_path / "best_model").mkdir()
    assert unmeasured(tmp_path) is None
    assert export_command(tmp_path / "best_model/inference") == f"segcli export --output {tmp_path}"


def test_a_folder_without_a_training_is_told_to_train(tmp_path):
    assert unmeasured(tmp_path) is None
    assert export_command(tmp_path) is None
    with pytest.raises(UsageError, match="train first, or set"):
        best_weights(tmp_path, "best_model.pdparams", "Export.weight_path")
