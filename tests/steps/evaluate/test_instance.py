from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from segcli.data import rle
from segcli.errors import DatasetError, FailedImageError, WeightsError
from segcli.inference.decode_objects import ObjectFinder
from segcli.inference.paste import paste_maps
from segcli.metrics.object_errors import KINDS
from segcli.steps.evaluate.command import evaluate
from tests.instance_run import configure, make_rectangles
from tests.trained_instance import MODEL, save_instance_weights, trained_instance_run


def test_weights_and_export_measure_the_same(tmp_path):
    run = trained_instance_run()
    config = configure(MODEL, run / "data", run / "run")
    trained = evaluate(config).as_dict()
    folder = str(run / "run/best_model/inference")
    settings = {"weight_path": folder, "runtime": "paddle"}
    exported = evaluate(configure(MODEL, run / "data", tmp_path, Evaluate=settings)).as_dict()
    assert list(trained["metrics"]) == ["AP"]
    assert trained["detections"] > 10
    for part in ("mask", "box"):
        assert exported[part] == pytest.approx(trained[part], abs=1e-6, nan_ok=True)
    assert set(trained["classes"]) == {"кот", "dog"}
    assert trained["objects"] == 6
    assert set(trained["errors"]["counts"]) == set(KINDS)
    low, high = trained["interval"]["AP"] or (0, 0)
    assert low - 1e-9 <= trained["metrics"]["AP"] <= high + 1e-9
    matrix = json.loads(Path(trained["confusion_matrix"]["json"]).read_text(encoding="utf-8"))
    assert matrix["class_names"] == ["кот", "dog", "no object"]
    assert np.array(matrix["objects"])[:2].sum() == 6
    assert json.loads(Path(trained["curves"]).read_text(encoding="utf-8"))["classes"].keys() == {"кот", "dog"}
    with Path(trained["per_image"][0]).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["objects"]) for row in rows) == 6
    assert trained["provenance"]["mask"]["oracle"] == "pycocotools"


def test_batches_measure_what_single_images_measure():
    run = trained_instance_run()
    one, three = (
        evaluate(configure(MODEL, run / "data", run / "run", Evaluate={"batch_size": size})).as_dict()
        for size in (1, 3)
    )
    assert three["detections"] == one["detections"]
    assert three["mask"] == pytest.approx(one["mask"], abs=1e-6)


def test_other_classes_are_refused(tmp_path):
    dataset = make_rectangles(tmp_path / "data", train=1, val=1)
    save_instance_weights(tmp_path / "run" / "best_model", names=("dog", "кот"))
    with pytest.raises(WeightsError, match="know other classes"):
        evaluate(configure(MODEL, dataset, tmp_path / "run"))


def test_a_image_of_another_size_is_named(tmp_path):
    run = trained_instance_run()
    dataset = make_rectangles(tmp_path / "data", train=1, val=1)
    file = dataset / "annotations" / "instance_val.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["images"][0]["width"] += 1
    file.write_text(json.dumps(content), encoding="utf-8")
    weights = str(run / "run/best_model/best_model.pdparams")
    with pytest.raises(DatasetError, match=r"a1\.png"):
        evaluate(configure(MODEL, dataset, tmp_path, Evaluate={"weight_path": weights}))


@pytest.mark.parametrize(
    "settings", [{"batch_size": 3}, {"sliding_window": {"crop_size": [64, 64], "stride": [48, 48]}}]
)
def test_image_on_which_the_network_fails_is_named(tmp_path, monkeypatch, settings):
    def fail(_finder, images, **_options):
        raise RuntimeError(f"no room for {len(images)}")

    run = trained_instance_run()
    monkeypatch.setattr(ObjectFinder, "__call__", fail)
    with pytest.raises(FailedImageError, match=r"\.png: the model fails on this image of 64 x 48 px: .* no room for 1"):
        evaluate(configure(MODEL, run / "data", run / "run", Evaluate=settings))


def test_maps_are_enlarged_as_solov2_enlarges_them():
    import paddle
    from paddle.nn import functional as F

    rng = np.random.default_rng(0)
    maps = np.zeros((3, 16, 24), np.float32)
    maps[0, 3:9, 5:12] = rng.uniform(0.3, 1, (6, 7))
    maps[1] = rng.uniform(0, 1, (16, 24))
    resized, height, width = (60, 90), 83, 121
    kind = {"mode": "bilinear", "align_corners": False, "align_mode": 0}
    large = F.interpolate(paddle.to_tensor(maps[None]), size=[64, 96], **kind)[:, :, :60, :90]
    truth = (F.interpolate(large, size=[height, width], **kind)[0] > 0.5).numpy()
    ours = np.stack([rle.decode(code) for code in paste_maps(maps, resized, height, width)])
    assert (ours != truth).sum() <= 3
    assert truth[:2].any(axis=(1, 2)).all()
    assert not ours[2].any()


def test_what_the_user_asks_for_is_measured_too(tmp_path):
    run = trained_instance_run()
    settings = {"boundary_iou": True, "panoptic_score": 0.01, "max_detections": 50, "size_borders": [10, 20]}
    values = evaluate(configure(MODEL, run / "data", run / "run", Evaluate=settings)).as_dict()
    assert {"boundary", "panoptic"} < set(values["provenance"])
    assert "AR_50" in values["mask"]
    assert values["size_borders_px"] == [10, 20]
    assert values["boundary"]["AP"] <= values["mask"]["AP"] + 1e-9
    assert set(values["panoptic"]) == {"PQ", "SQ", "RQ", "classes"}
