"""The small U-Net on maps whose sides are odd."""

import paddle
import pytest
from paddle import Tensor

from segcli.models.unet import UNetBody, _enlarged


@pytest.fixture
def body() -> UNetBody:
    paddle.seed(0)
    return UNetBody((4, 8, 16))


@pytest.mark.parametrize(("height", "width"), [(15, 17), (16, 13), (21, 18), (16, 24)])
def test_odd_sides_are_cut_off_as_in_exported_networks(body: UNetBody, height: int, width: int, monkeypatch):
    images = paddle.rand([2, 3, height, width])

    def results() -> list[Tensor]:
        out = body(images)
        trained = [parameter for parameter in body.parameters() if not parameter.stop_gradient]
        return [out, *paddle.grad((out * out).sum(), trained)]

    cut = results()
    monkeypatch.setattr("segcli.models.unet.is_on_host", lambda _x: False)
    assert cut[0].shape == [2, 4, height, width]
    assert all((one == other).all() for one, other in zip(cut, results(), strict=True))


def test_what_is_cut_off_leaves_no_view(body: UNetBody):
    """Paddle's sum looks up each value of one, which takes ten times as long."""
    x, feature = paddle.rand([2, 16, 5, 6]), paddle.rand([2, 8, 9, 11])
    assert _enlarged(x, body.enlarge[0], feature).is_contiguous()
