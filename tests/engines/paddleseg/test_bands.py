"""Networks of other bands than three: the first convolution is widened, and the exported model knows the number."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from segcli.config.load import from_values
from segcli.engines.paddleseg.input_bands import band_transforms
from segcli.engines.paddleseg.networks import build
from segcli.errors import ConfigError, UsageError
from segcli.inference.exported_model import ExportedModel
from segcli.models.semantic.table import SEMANTIC_MODELS
from segcli.models.spec import Preprocess
from segcli.models.table import get_spec
from segcli.networks import build_network
from segcli.steps.check.semantic import examine_seg_dataset
from segcli.steps.check.settings import PassSettings
from segcli.steps.evaluate.command import evaluate
from segcli.steps.predict.command import predict
from segcli.steps.train.command import train
from segcli.weights.bands import widened
from tests.images import make_seg_dataset

BANDS = 5


def band_dataset(root, bands=BANDS):
    """16-bit arrays; the last band alone tells the classes."""
    make_seg_dataset(root, train=4, val=2, size=48)
    rng = np.random.default_rng(0)
    for mask in (root / "annotations").iterdir():
        labels = paddle.vision.image.image_load(str(mask), backend="cv2")[..., 0]
        image = rng.integers(0, 4096, (*labels.shape, bands)).astype(np.uint16)
        image[..., -1] = labels.astype(np.uint16) * 1500
        np.save(root / "images" / f"{mask.stem}.npy", image)
        (root / "images" / mask.name).unlink()
    for name in ("train.txt", "val.txt"):
        lines = (root / name).read_text().splitlines()
        lines = [f"images/{line.split('/')[1].split('.')[0]}.npy {line.split()[1]}\n" for line in lines]
        (root / name).write_text("".join(lines))
    return root


@pytest.mark.slow
def test_from_check_to_prediction(tmp_path):
    root = band_dataset(tmp_path / "data")
    wrong = examine_seg_dataset(root)
    assert {found.code for found in wrong.findings} >= {"S203"}, "not colours"
    assert not [
        found
        for found in examine_seg_dataset(root, settings=PassSettings(channels=BANDS)).findings
        if found.severity.name == "ERROR"
    ]
    other = examine_seg_dataset(root, settings=PassSettings(channels=4)).findings
    assert sum("has 5 bands; images of 4 bands" in found.message for found in other) == 6

    output = tmp_path / "output"
    given = {
        "Global.model": "UNet-S",
        "Global.dataset_dir": str(root),
        "Global.output": str(output),
        "Global.device": "cpu",
        "Global.input_channels": BANDS,
        "Train.plan": "off",
        "Train.epochs_iters": 30,
        "Train.batch_size": 2,
        "Train.crop_size": [48, 48],
        "Train.learning_rate": 0.02,
        "Train.num_workers": 0,
        "Train.pretrain_weight_path": None,
        "Train.augment.mosaic": 0.2,
    }
    trained = train(from_values(given).config)
    assert trained.best_score > 0.5, "the last band was learnt from"

    model = ExportedModel.open(output / "best_model" / "inference")
    assert model.input_shape[1] == BANDS == model.preprocess.channels
    assert model.preprocess.image_range == (0, 4095)

    scored = {key: value for key, value in given.items() if key.split(".")[0] == "Global"}
    scored.pop("Global.input_channels")  # the model says it
    scored |= {"Evaluate.weight_path": str(output / "best_model" / "model.pdparams")}
    measured = evaluate(from_values({**scored, "Global.mode": "evaluate"}).config)
    assert measured.report.miou == pytest.approx(trained.best_score, abs=1e-6)
    found = predict(
        from_values(
            {
                "Global.mode": "predict",
                "Global.model": "UNet-S",
                "Global.output": str(tmp_path / "predicted"),
                "Predict.model_dir": str(output / "best_model" / "inference"),
                "Predict.input": str(root / "images"),
            }
        ).config
    )
    assert len(found.predicted) == 6
    overlays = list((tmp_path / "predicted").rglob("*overlay*"))
    assert len(overlays) == 6, "the first three bands are shown"


@pytest.mark.parametrize("bands", [1, 2, 16])
def test_any_number_of_bands_is_a_batch(tmp_path, bands):
    from segcli.config.recipe import with_recipe
    from segcli.tasks import engine_of

    root = band_dataset(tmp_path / "data", bands)
    given = {"Global.model": "UNet-S", "Global.dataset_dir": str(root), "Global.input_channels": bands}
    augment = {"Train.augment.mosaic": 1.0, "Train.augment.elastic": 1.0, "Train.augment.scale_jitter": [0.5, 2.0]}
    more = {"Train.plan": "off", "Train.crop_size": [64, 64], "Train.num_workers": 0}
    config = with_recipe(from_values({**given, **augment, **more}).config)
    spec = get_spec("UNet-S")
    session = engine_of(spec.task).open_training(spec, config)
    batch = next(session.batches(0))
    assert batch.tensors["img"].shape[1:] == [bands, 64, 64]
    assert np.isfinite(float(session.losses(batch)["loss"]))


@pytest.mark.parametrize("name", ["PP-LiteSeg-T", "SegFormer-B0", "OCRNet_HRNet-W18", "SeaFormer_tiny", "UNet-S"])
def test_families_take_other_bands(name):
    network = build(get_spec(name), 2, channels=7)
    network.eval()
    with paddle.no_grad():
        assert network(paddle.zeros([1, 7, 64, 64]))[0].shape[:2] == [1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("name", [spec.name for spec in SEMANTIC_MODELS])
def test_every_model_is_widened_at_its_input(name):
    colours, bands = (build_network(name, 3, lazy=True, input_channels=count) for count in (3, 7))
    shapes = {key: list(value.shape) for key, value in colours.state_dict().items()}
    changed = {key: value.shape for key, value in bands.state_dict().items() if list(value.shape) != shapes[key]}
    assert changed and all(shape[1] == 7 and shapes[key][1] == 3 for key, shape in changed.items())
    assert len({tuple(shape) for shape in changed.values()}) == 1


def test_weights_of_colours_begin_the_bands():
    colours, bands = build(get_spec("UNet-S"), 2), build(get_spec("UNet-S"), 2, channels=6)
    arrays = {name: np.asarray(tensor.numpy()) for name, tensor in colours.state_dict().items()}
    fitted = widened(arrays, bands, 6)
    first = "body.encoder.0.conv.weight"
    assert fitted[first].shape[1] == 6
    np.testing.assert_allclose(fitted[first].sum(axis=1), arrays[first].sum(axis=1), atol=1e-6)
    np.testing.assert_allclose(fitted[first][:, 3], arrays[first][:, 0] / 2)
    assert all(fitted[name] is arrays[name] for name in arrays if name != first)
    headless = {name.removeprefix("backbone."): array for name, array in arrays.items()}
    assert widened(headless, bands, 3).keys() == headless.keys()


def test_colours_are_left_out_of_the_transforms():
    recipes = [{"type": "RandomHorizontalFlip"}, {"type": "RandomDistort"}, {"type": "Normalize"}]
    scale = Preprocess(mean=(0.1, 0.2), std=(0.3, 0.4))
    assert band_transforms(recipes, scale) == [
        {"type": "RandomHorizontalFlip"},
        {"type": "Normalize", "mean": [0.1, 0.2], "std": [0.3, 0.4]},
    ]
    assert band_transforms(recipes, Preprocess()) == recipes


def test_where_it_cannot_be():
    with pytest.raises(UsageError, match="takes RGB images"):
        build_network("PP-YOLOE_seg-S", 2, input_channels=4)
    with pytest.raises(ConfigError, match="no meaning for Mask-RT-DETR-S"):
        from_values({"Global.model": "Mask-RT-DETR-S", "Global.input_channels": 4, "Global.dataset_dir": "x"})
    with pytest.raises(ConfigError, match="changes colours"):
        from_values({"Global.dataset_dir": "x", "Global.input_channels": 4, "Train.augment.photometric": 0.5})
