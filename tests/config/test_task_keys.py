from __future__ import annotations

import pytest

from segcli.config.load import load_config
from segcli.errors import ConfigError


@pytest.mark.parametrize(
    ("model", "override"),
    [
        ("SOLOv2", "Train.crop_size=[64,64]"),
        ("SOLOv2", "Train.class_weights=auto"),
        ("SOLOv2", "Train.dy2st=true"),
        ("SAM-B", "Train.dy2st=true"),
        ("PP-YOLOE_seg-S", "Predict.target_size=64"),
        ("PP-YOLOE_seg-S", "Evaluate.absent_class=zero"),
        ("PP-LiteSeg-T", "Evaluate.max_detections=200"),
        ("PP-LiteSeg-T", "Train.input_size=64"),
        ("PP-LiteSeg-T", "Predict.threshold=0.3"),
    ],
)
def test_keys_of_another_task_are_refused(model, override, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(f"Global: {{model: {model}, mode: train, dataset_dir: data}}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_config(path, [override])
    assert [fault.key for fault in raised.value.faults] == [override.partition("=")[0]]


def test_a_static_graph_is_for_one_process(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("Global: {model: PP-LiteSeg-T, mode: train, dataset_dir: data}\n", encoding="utf-8")
    assert load_config(path, ["Train.dy2st=true"]).config.Train.dy2st
    with pytest.raises(ConfigError, match=r"Train\.dy2st"):
        load_config(path, ["Train.dy2st=true", "Train.cpu_processes=2"])
