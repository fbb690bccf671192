"""Optimizers that PaddleSeg lacks, and their registration with its builder."""

from __future__ import annotations

from typing import Any

from segcli.engine import Network
from segcli.engines import muon


class Muon:
    """`segcli.engines.muon.Muon` as a component of PaddleSeg.

    Args:
        weight_decay: Of AdamW's parameters.
        grad_clip_cfg: As of PaddleSeg's optimizers.
        custom_cfg: As of PaddleSeg's optimizers: factors of rate and decay by name of parameters.
        options: Those of `segcli.engines.muon.Muon`.
    """

    def __init__(
        self,
        weight_decay: float = 0.01,
        grad_clip_cfg: dict[str, Any] | None = None,
        custom_cfg: list[dict[str, Any]] | None = None,
        **options: Any,
    ) -> None:
        from paddleseg.optimizers.optimizer import BaseOptimizer

        self._common = BaseOptimizer(weight_decay, grad_clip_cfg, custom_cfg)
        self._options = options

    def __call__(self, model: Network, lr: Any) -> muon.Muon:
        """The optimizer over the parameters of `model` with a learning rate or its schedule."""
        return muon.Muon(lr, parameters=self._common._collect_params(model), **self._common.args, **self._options)


def register_optimizers() -> None:
    """Registers `Muon` with PaddleSeg's builder; a second call changes nothing."""
    from paddleseg.cvlibs import manager

    if Muon.__name__ not in manager.OPTIMIZERS.components_dict:
        manager.OPTIMIZERS.add_component(Muon)
