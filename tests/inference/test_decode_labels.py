from __future__ import annotations

import numpy as np
import pytest

from segcli.config.schema import SlidingWindowConfig
from segcli.inference.decode_labels import argmax, label_maps, labels_of, resize_logits
from segcli.inference.on_device import OnDevice
from segcli.inference.preprocess import normalise
from segcli.inference.runtimes.protocol import forward_of
from segcli.inference.tiles import TileSettings, label_map_tiled, tile_starts
from segcli.models.spec import Preprocess

SCALE = Preprocess(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def image(height=70, width=90, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def pointwise(images: np.ndarray) -> np.ndarray:
    """A network that sees one pixel at a time, so that tiles cannot change what it says."""
    return np.stack([images[:, 0], images[:, 1] * 1.1, images[:, 2] * 0.9, -images[:, 0]], axis=1)


def test_normalising_is_bit_for_bit_paddlesegs():
    from paddleseg.transforms import Normalize

    given = image()
    expected = Normalize(mean=SCALE.mean, std=SCALE.std)({"img": given.astype("float32")})["img"].transpose(2, 0, 1)
    assert np.array_equal(normalise([given, given], SCALE)[1], expected)


@pytest.mark.parametrize("shape", [(1, 5, 6), (2, 64, 3), (7, 129, 33), (150, 20, 20)])
def test_argmax_is_numpys(shape):
    logits = np.random.default_rng(0).integers(-4, 5, shape).astype(np.float32)
    labels = argmax(logits)
    assert labels.dtype == np.uint8
    assert np.array_equal(labels, logits.argmax(axis=0))


def test_logits_are_resized_as_paddle_does():
    import paddle

    logits = np.random.default_rng(1).standard_normal((3, 11, 13)).astype(np.float32)
    expected = paddle.nn.functional.interpolate(paddle.to_tensor(logits[None]), [40, 50], mode="bilinear")
    assert np.abs(resize_logits(logits, 40, 50) - expected.numpy()[0]).max() < 1e-5


def test_ids_of_other_makers_are_taken_as_they_are():
    ids = np.array([[[0, 3], [2, 1]]], np.int64)
    assert labels_of(ids, 2, 2).tolist() == [[0, 3], [2, 1]]
    assert labels_of(ids, 4, 4)[0].tolist() == [0, 0, 3, 3]


def test_a_fixed_input_size_still_gives_labels_of_the_images_size():
    maps = label_maps(pointwise, [image(), image(seed=1)], SCALE, input_size=(32, 64))
    assert [labels.shape for labels in maps] == [(70, 90)] * 2


def test_tile_starts_cover_everything_as_paddlesegs():
    assert tile_starts(100, 40, 30) == [0, 30, 60]
    assert tile_starts(101, 40, 30) == [0, 30, 60, 61]
    assert tile_starts(40, 40, 30) == tile_starts(20, 40, 30) == [0]


@pytest.mark.parametrize("blend", ["uniform", "ramp"])
@pytest.mark.parametrize(("crop", "stride"), [((32, 24), (20, 24)), ((200, 200), (100, 100)), ((90, 16), (7, 5))])
def test_tiles_of_a_pointwise_network_change_nothing(blend, crop, stride):
    window = SlidingWindowConfig(crop_size=crop, stride=stride)
    tiled = label_map_tiled(pointwise, image(), TileSettings(SCALE, window, blend=blend, batch_size=3))
    assert np.array_equal(tiled, label_maps(pointwise, [image()], SCALE)[0])


@pytest.mark.parametrize("bytes_", [1, 4 * 9 * 24 * 50])
def test_a_wide_image_in_bands_is_the_same(bytes_, monkeypatch):
    """Bands of a tile's width, or of two: the tiles at their seams count in both."""
    rng = np.random.default_rng(0)
    given = rng.integers(0, 256, (70, 230, 3)).astype(np.uint8)

    def by_place(images):
        """Logits that depend on the place in the tile, so that the tiles disagree."""
        ramp = np.linspace(-1, 1, images.shape[3], dtype=np.float32)
        return np.stack([images[:, 0] * (1 + ramp), images[:, 1], images[:, 2] - ramp], axis=1)

    window = SlidingWindowConfig(crop_size=(32, 24), stride=(20, 13))
    whole = label_map_tiled(by_place, given, TileSettings(SCALE, window, blend="ramp"))
    monkeypatch.setattr("segcli.inference.tiles._BAND_BYTES", bytes_)
    assert np.array_equal(label_map_tiled(by_place, given, TileSettings(SCALE, window, blend="ramp", classes=9)), whole)


def test_uniform_tiles_are_paddlesegs_sliding_window():
    from segcli.engines.paddleseg.patches import apply_patches

    apply_patches()
    import paddle
    from paddleseg.core.infer import slide_inference

    paddle.seed(0)
    network = paddle.nn.Sequential(paddle.nn.Conv2D(3, 4, 5, padding=2), paddle.nn.Conv2D(4, 4, 5, padding=2))
    network.eval()

    def forward(images):
        with paddle.no_grad():
            return network(paddle.to_tensor(images)).numpy()

    given = image(61, 83)
    with paddle.no_grad():
        sums = slide_inference(
            lambda images: [network(images)], paddle.to_tensor(normalise([given], SCALE)), (40, 32), (25, 20)
        )
    window = SlidingWindowConfig(crop_size=(40, 32), stride=(25, 20))
    assert np.array_equal(label_map_tiled(forward, given, TileSettings(SCALE, window)), sums.numpy()[0].argmax(axis=0))


KEPT = Preprocess(mean=SCALE.mean, std=SCALE.std, size=(48, 200), keep_ratio=True)


def by_brightness(images: np.ndarray) -> np.ndarray:
    """Left and right half of an image apart by colour; its own size is kept in `seen`."""
    seen.append(images.shape[2:])
    return np.stack([images[:, 0], images[:, 2]], axis=1)


seen: list[tuple[int, ...]] = []


@pytest.fixture
def wide() -> np.ndarray:
    """60 x 180: red on the left third, blue elsewhere."""
    rgb = np.zeros((60, 180, 3), np.uint8)
    rgb[:, :60, 0] = rgb[:, 60:, 2] = 255
    seen.clear()
    return rgb


@pytest.mark.parametrize(("size", "fed"), [(None, (48, 144)), ((64, 64), (64, 64))])
def test_an_image_keeps_its_ratio_where_the_model_was_trained_so(wide, size, fed):
    """Free inputs have the short side wanted; a fixed one holds the image in its corner, and padding is no label."""
    (labels,) = label_maps(by_brightness, [wide], KEPT, input_size=size)
    assert seen == [fed]
    assert labels.shape == (60, 180)
    assert (labels[:, :57] == 0).all() and (labels[:, 63:] == 1).all()


class GivesItself:
    """Gives label maps itself."""

    def __call__(self, images: np.ndarray) -> np.ndarray:
        raise AssertionError("logits leave the device")

    def labels(self, images: np.ndarray, used: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
        seen.append((*images.shape, *used, *size))
        return np.zeros((len(images), *size), np.uint8)


def test_a_network_that_gives_labels_is_asked_for_them(wide):
    maps = label_maps(GivesItself(), [wide, wide], KEPT, input_size=(64, 64))
    assert seen == [(2, 3, 64, 64, 21, 64, 60, 180)]
    assert [one.shape for one in maps] == [(60, 180)] * 2


@pytest.mark.parametrize("size", [None, (32, 48)])
@pytest.mark.parametrize("preprocess", [SCALE, KEPT])
def test_the_maximum_on_the_device_is_the_one_on_the_host(size, preprocess):
    import paddle

    from segcli.engines.paddleseg.session import ArrayForward

    paddle.seed(1)
    network = paddle.nn.Conv2D(3, 5, 3, stride=2, padding=1)
    images = [image(), image(seed=1)]
    here = label_maps(ArrayForward(network), images, preprocess, input_size=size)
    there = label_maps(OnDevice(ArrayForward(network).tensor), images, preprocess, input_size=size)
    for ours, theirs in zip(here, there, strict=True):
        assert theirs.dtype == np.uint8
        assert np.mean(ours != theirs) < 1e-3, "only where two classes are equal to the last digit"


@pytest.mark.parametrize("blend", ["uniform", "ramp"])
@pytest.mark.parametrize("size", [None, (32, 48)])
def test_tiles_on_the_device_are_those_on_the_host(blend, size):
    import paddle

    from segcli.engines.paddleseg.session import ArrayForward

    paddle.seed(1)
    forward = ArrayForward(paddle.nn.Conv2D(3, 5, 3, stride=2, padding=1))
    window = SlidingWindowConfig(crop_size=(40, 32), stride=(25, 20))
    here, there = (
        label_map_tiled(one, image(61, 83), TileSettings(SCALE, window, blend=blend, batch_size=2, input_size=size))
        for one in (forward, OnDevice(forward.tensor))
    )
    assert np.mean(here != there) < 1e-3


def test_an_exported_model_leaves_its_output_on_the_device(tmp_path):
    """On the CPU, whose predictor is asked for tensors as that of a GPU is."""
    import paddle

    from segcli.inference.runtimes.paddle_runtime import PaddleRuntime

    paddle.seed(2)
    network = paddle.nn.Conv2D(3, 4, 3, padding=1)
    network.eval()
    spec = [paddle.static.InputSpec([None, 3, None, None], "float32")]
    paddle.jit.save(network, str(tmp_path / "model"), input_spec=spec)
    runtime = PaddleRuntime(tmp_path / "model.json", tmp_path / "model.pdiparams", "cpu", 1)
    assert forward_of(runtime) == runtime.run
    runtime._accelerator = True
    on_device = forward_of(runtime)
    assert isinstance(on_device, OnDevice)
    for given in ([image()], [image(61, 83)]):
        here = label_maps(runtime.run, given, SCALE)
        assert np.mean(here[0] != label_maps(on_device, given, SCALE)[0]) < 1e-3
