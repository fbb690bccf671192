from __future__ import annotations

from typing import Any

import pytest

from segcli.engines.paddledet import registration
from segcli.engines.paddledet.importing import import_ppdet
from segcli.engines.paddledet.networks import build_instance_network
from segcli.engines.paddledet.workspace import workspace
from segcli.errors import MissingPartError


def millions(network: Any) -> float:
    return round(sum(p.size for p in network.parameters()) / 1e6, 2)


@pytest.mark.slow
def test_a_resnet50_after_a_resnext101_is_a_resnet50() -> None:
    build_instance_network("MaskRCNN-ResNeXt101-vd-FPN", 80, 640)

    assert millions(build_instance_network("MaskRCNN-ResNet50-FPN", 80, 640)) == 44.45


def test_nothing_leaks_from_model_to_model() -> None:
    thin = {"ResNet": {"depth": 18, "variant": "d"}, "RPNHead": {"anchor_generator": {"aspect_ratios": [1.0]}}}
    build_instance_network("MaskRCNN-ResNet50-FPN", 3, 640, overrides=thin)

    assert millions(build_instance_network("MaskRCNN-ResNet50-FPN", 80, 640)) == 44.45


def test_the_users_own_configuration_comes_back() -> None:
    import_ppdet()
    from ppdet.core.workspace import global_config, merge_config

    with workspace({}):
        merge_config({"ResNet": {"depth": 34}, "own_key": [1]})
        held = dict(global_config["ResNet"])
        with workspace({"ResNet": {"depth": 18, "groups": 2}}):
            assert global_config["ResNet"]["groups"] == 2
            assert "own_key" not in global_config

        assert dict(global_config["ResNet"]) == held == {"depth": 34}
        assert global_config["own_key"] == [1]


def test_it_comes_back_after_an_error() -> None:
    import_ppdet()
    from ppdet.core.workspace import global_config

    with pytest.raises(ValueError, match="not registered"), workspace({"ResNet": {"depth": 18}}) as create:
        create("NoSuchClass")

    assert "depth" not in dict(global_config["ResNet"])


def test_parameter_names_restart() -> None:
    first, second = (build_instance_network("PP-YOLOE_seg-S", 3, 64) for _ in range(2))

    assert [p.name for p in first.parameters()] == [p.name for p in second.parameters()]


def test_a_foreign_class_of_our_name_is_not_clobbered(monkeypatch: pytest.MonkeyPatch) -> None:
    class Foreign:
        """Somebody else's."""

        def __init__(self) -> None:
            self.known = True

    Foreign.__name__ = "TopQueries"
    registration.register_instance_networks()
    from ppdet.core import workspace as ppdet_workspace

    ours = ppdet_workspace.global_config.pop("TopQueries")
    monkeypatch.setattr("tests.engines.paddledet.test_workspace.TopQueries", Foreign, raising=False)
    ppdet_workspace.register(Foreign)
    try:
        with pytest.raises(MissingPartError, match="TopQueries"):
            registration.register_instance_networks()
        assert ppdet_workspace.global_config["TopQueries"].pymodule.__name__ == __name__
    finally:
        ppdet_workspace.global_config["TopQueries"] = ours
