from __future__ import annotations

import pytest


@pytest.mark.parametrize("size", [(7, 9), (3, 16), (1, 5), (12, 8)])
@pytest.mark.parametrize("regions", [2, 3, 4, 6])
def test_region_means_are_adaptive_pooling(size, regions):
    import paddle

    from segcli.engines.paddleseg.exporting import RegionMeans

    paddle.seed(0)
    x = paddle.randn([2, 4, *size])
    expected = paddle.nn.functional.adaptive_avg_pool2d(x, regions)
    assert float((RegionMeans(regions, regions)(x) - expected).abs().max()) < 1e-6


def test_only_poolings_into_several_regions_are_replaced():
    from paddle import nn

    from segcli.engines.paddleseg.exporting import RegionMeans, free_adaptive_pools

    network = nn.Sequential(nn.AdaptiveAvgPool2D(1), nn.Sequential(nn.AdaptiveAvgPool2D((2, 4)), nn.ReLU()))
    assert free_adaptive_pools(network) == 1
    assert isinstance(network[0], nn.AdaptiveAvgPool2D)
    assert isinstance(network[1][0], RegionMeans)
