"""Images above the memory budget: in tiles, in parts, written by strips; and the tiles are recorded."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

import segcli
from segcli.config.schema import SlidingWindowConfig
from segcli.data.classes import ClassMap
from segcli.data.detections import Detections
from segcli.data.image import read_mask
from segcli.data.label_store import LabelStore
from segcli.data.sources import open_sources
from segcli.data.tiff_writer import geo_tags
from segcli.errors import ConfigError
from segcli.inference import tiling as tiling_module
from segcli.inference.runtimes import small_logits
from segcli.inference.tiles import GradedMaps
from segcli.inference.tiling import NetworkFacts, tiling
from segcli.models.spec import Preprocess
from segcli.steps.evaluate.command import evaluate
from segcli.steps.predict.command import predict
from segcli.steps.predict.instance_results import InstanceResult
from segcli.steps.predict.large_labels import LargeSegResult
from tests.instance_run import configure
from tests.trained_instance import MODEL as INSTANCE_MODEL
from tests.trained_instance import trained_instance_run
from tests.trained_model import make_config, trained_run

GEO = [(33550, 12, 3, (0.5, 0.5, 0.0), True), (33922, 12, 6, (0.0, 0.0, 0.0, 1000.0, 2000.0, 0.0), True)]
WINDOW = {"crop_size": [96, 96], "stride": [64, 64], "border": "inside"}


@pytest.fixture
def scene(tmp_path):
    rng = np.random.default_rng(1)
    rgb = cv2.resize(rng.integers(0, 256, (20, 26, 3)).astype(np.uint8), (260, 200), interpolation=cv2.INTER_CUBIC)
    path = tmp_path / "scene.tif"
    tifffile.imwrite(path, rgb, photometric="rgb", rowsperstrip=32, extratags=GEO, metadata=None)
    return path


def run(scene, output, **settings):
    folder = trained_run() / "run" / "best_model" / "inference"
    given = {
        "model_dir": str(folder),
        "input": str(scene),
        "save_dir": str(output),
        "runtime": "onnxruntime",
        **settings,
    }
    return predict(make_config(output, Predict=given))


def test_by_strips_and_whole_give_the_same_labels(scene, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    whole = run(scene, tmp_path / "whole", sliding_window=WINDOW)
    monkeypatch.setattr(tiling_module, "_IMAGE_BYTES", 1000)  # an image above 10,000 px is read in parts
    parts = run(scene, tmp_path / "parts", sliding_window=WINDOW, memory_mb=10)

    (one,), (other,) = whole.predicted, parts.predicted
    written = Path(other.files["label_map"])
    assert written.name == "scene_res.tif"
    assert np.array_equal(read_mask(written), read_mask(Path(one.files["label_map"])))
    assert other.found == one.found
    assert other.size == (200, 260)
    assert other.tiles == one.tiles == WINDOW
    assert parts.as_dict()["in_tiles"] == 1
    assert json.loads(Path(other.files["json"]).read_text(encoding="utf-8"))["tiles"] == WINDOW
    assert [tag[0] for tag in geo_tags(written)] == [33550, 33922]
    assert cv2.imread(other.files["overlay"]).shape[1] >= 260


def test_confidence_and_entropy_are_those_of_the_tiles_by_strips_and_whole(scene, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    wanted = {"sliding_window": WINDOW, "write": ["label", "confidence", "entropy"]}
    (one,) = run(scene, tmp_path / "whole", **wanted).predicted
    monkeypatch.setattr(tiling_module, "_IMAGE_BYTES", 1000)
    (other,) = run(scene, tmp_path / "parts", memory_mb=10, **wanted).predicted
    for name in wanted["write"]:
        whole, parts = (read_mask(Path(entry.files[name])) for entry in (one, other))
        assert other.files[name].endswith(f"_{name}.tif")
        assert np.array_equal(whole, parts) and len(np.unique(whole)) > 1, name


def test_only_what_does_not_fit_is_cut(scene, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    assert run(scene, tmp_path / "a").predicted[0].tiles is None
    monkeypatch.setattr(tiling_module, "_FAST_BYTES", 1000)
    cut = run(scene, tmp_path / "b", memory_mb=50).predicted[0]
    assert cut.tiles == {"crop_size": [1024, 1024], "stride": [768, 768], "border": "inside"}
    assert run(scene, tmp_path / "c", memory_mb=53).predicted[0].tiles is None
    assert run(scene, tmp_path / "d", memory_mb=50, target_size=64).predicted[0].tiles is None


def test_what_fits_in_bands_is_not_cut(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    monkeypatch.setattr(small_logits, "_LEAST_PX", 0)
    image = tmp_path / "high.png"
    cv2.imwrite(str(image), np.random.default_rng(0).integers(0, 256, (1300, 40, 3), np.uint8))
    whole = run(image, tmp_path / "whole", memory_mb=24)  # 52,000 px at 450 bytes
    banded = run(image, tmp_path / "banded", memory_mb=20)
    assert whole.predicted[0].tiles is banded.predicted[0].tiles is None
    labels = [read_mask(tmp_path / name / "high_res.png") for name in ("whole", "banded")]
    np.testing.assert_array_equal(*labels)
    assert run(image, tmp_path / "little", memory_mb=11).predicted[0].tiles, "also too large in bands"
    assert run(image, tmp_path / "scored", memory_mb=20, confidence=True).predicted[0].tiles, (
        "asks for more than labels"
    )
    assert run(image, tmp_path / "openvino", memory_mb=20, runtime="openvino").predicted[0].tiles is None
    assert run(image, tmp_path / "paddle", memory_mb=20, runtime="paddle").predicted[0].tiles, "has no bands"


def test_tiles_are_as_large_as_the_images_of_the_training():
    inputs = {"width_px": {"median": 1281.0}, "height_px": {"median": 720.0}}
    fixed = NetworkFacts(Preprocess(size=(640, 640)), None, inputs, "openvino")
    found = tiling(None, 4000, fixed)
    assert found.window.crop_size == (1281, 720)
    assert found.most_px == found.decoded_px == 100_000_000
    assert found.of((10_000, 10_000)) is None
    assert found.of((10_001, 10_000)) == found.window
    unknown = tiling(None, 4000, NetworkFacts(Preprocess(size=(640, 640)), None, {}, "openvino"))
    assert unknown.window.crop_size == (640, 640)
    free = NetworkFacts(Preprocess(), None, inputs, "paddle")
    assert tiling(None, 4000, free).most_px == 4_000_000
    assert tiling(None, 4000, free).window.crop_size == (1024, 1024)


def test_tiles_that_change_the_size_of_things_are_told(caplog):
    learnt = {"width_px": {"median": 192.0}, "height_px": {"median": 160.0}}
    window = SlidingWindowConfig(crop_size=(96, 96), stride=(64, 64))
    resizes, free = Preprocess(size=(128, 128)), Preprocess()
    tiling(window, None, NetworkFacts(free, None, learnt, "openvino"))
    tiling(window.model_copy(update={"crop_size": (200, 160)}), None, NetworkFacts(resizes, None, learnt, "openvino"))
    tiling(window, None, NetworkFacts(resizes, None, {}, "openvino"))
    assert not caplog.records
    tiling(window, None, NetworkFacts(resizes, None, learnt, "openvino"))
    assert "appear 2 times as large as in training images of 192 x 160 px" in caplog.text
    tiling(window.model_copy(update={"crop_size": (4800, 4000)}), None, NetworkFacts(resizes, None, learnt, "openvino"))
    assert "appear 0.04 times as large as in training images of 192 x 160 px" in caplog.text


def test_objects_of_an_image_in_parts(tmp_path):
    """Their drawing is small; the files are of the whole image."""
    rgb = np.full((2600, 5000, 3), 80, np.uint8)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, rgb, photometric="rgb", rowsperstrip=64, metadata=None)
    (item,) = open_sources(str(path)).in_parts_above(1000)
    mask = np.zeros((2600, 5000), np.uint8)
    mask[1000:1300, 4000:4400] = 1
    from segcli.data import rle

    boxes = np.array([[4000, 1000, 4400, 1300]])
    found = Detections(np.array([0.9]), np.array([0]), [rle.encode(mask)], boxes)
    result = InstanceResult(item, found, ClassMap(("a",)))
    files = result.write_files(tmp_path / "out", "compact")
    assert files.size == (2600, 5000)
    drawn = cv2.imread(files.files["overlay"])
    assert max(drawn.shape) < 2300
    factor = result.shrunk
    assert np.abs(drawn[1150 // factor, 4200 // factor].astype(int) - 80).max() > 20
    assert np.abs(drawn[1150 // factor, 3000 // factor].astype(int) - 80).max() <= 4
    values = json.loads(Path(files.files["labelme"]).read_text(encoding="utf-8"))
    assert (values["imageHeight"], values["imageWidth"]) == (2600, 5000)
    assert json.loads(Path(files.files["json"]).read_text(encoding="utf-8"))["boxes"][0]["area_px"] == 120_000


def test_an_instance_model_in_tiles(tmp_path):
    root = trained_instance_run()
    folder = root / "run" / "best_model" / "inference"
    window = {"crop_size": [48, 40], "stride": [32, 24]}
    common = {"model_dir": str(folder), "input": str(root / "data" / "images"), "threshold": 0.02}
    config = configure(INSTANCE_MODEL, root / "data", tmp_path / "run", Predict={**common, "sliding_window": window})
    done = predict(config)
    assert done.as_dict()["in_tiles"] == len(done.predicted) == 5
    assert all(entry.tiles == {**window, "border": "inside"} for entry in done.predicted)

    settings = {"weight_path": str(folder), "bootstrap": 0, "gallery": 0}
    whole = evaluate(configure(INSTANCE_MODEL, root / "data", tmp_path / "whole", Evaluate=settings)).as_dict()
    settings |= {"sliding_window": window, "tile_loss": True}
    done = evaluate(configure(INSTANCE_MODEL, root / "data", tmp_path / "eval", Evaluate=settings))
    measured = done.as_dict()
    assert measured["whole"] == whole["mask"]
    assert measured["tile_loss"] == pytest.approx(whole["metrics"]["AP"] - measured["metrics"]["AP"])
    assert any(name == "whole images" and "tiles lose AP" in text for name, text in done.summary())
    assert measured["tiles"] == {"above_px": 0, **window, "border": "inside"}
    assert measured["images"] == 3
    assert 0 <= measured["metrics"]["AP"] <= 1


def test_a_label_map_on_disk_is_the_one_in_memory():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, (70, 90)).astype(np.uint8)
    with LabelStore(70, 90) as store:
        store[0:30, 0:90] = labels[:30]
        store[30:70, 0:40] = labels[30:, :40]
        store[30:70, 40:90] = labels[30:, 40:]
        assert np.array_equal(np.concatenate(list(store.strips(16))), labels)
        assert np.array_equal(store.rows(25, 33), labels[25:33])


def test_the_small_image_shows_the_same_classes(tmp_path):
    rgb = np.zeros((2500, 4200, 3), np.uint8)
    (item,) = open_sources(rgb).in_parts_above(1000)
    store = LabelStore(2500, 4200)
    store[0:2500, 0:4200] = np.zeros((2500, 4200), np.uint8)
    store[500:1000, 3000:4200] = np.full((500, 1200), 2, np.uint8)
    window = tiling(None, 10, NetworkFacts(Preprocess(), None, {}, "paddle")).window
    result = LargeSegResult(item, GradedMaps(store), ClassMap(("a", "b", "c")), window)
    assert result.labels.shape == result.rgb.shape[:2]
    assert (result.labels == 2).mean() == pytest.approx(500 * 1200 / (2500 * 4200), rel=0.02)
    assert result.found == {"a": 2500 * 4200 - 600_000, "c": 600_000}


def test_an_argument_without_a_meaning_is_refused():
    """It was ignored once: a size for objects, whose networks have one of their own."""
    folder = trained_instance_run() / "run" / "best_model" / "inference"
    model = segcli.create_model(INSTANCE_MODEL, model_dir=folder, runtime="paddle")
    image = np.zeros((40, 50, 3), np.uint8)
    with pytest.raises(ConfigError, match="target_size"):
        model.predict(image, target_size=512)
    assert len(list(model.predict(image, target_size=-1, threshold=0.9))) == 1
