from __future__ import annotations

import json

import numpy as np
import pytest

from segcli.data import rle
from segcli.errors import DatasetError, WeightsError
from segcli.inference.paste import paste_maps
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
