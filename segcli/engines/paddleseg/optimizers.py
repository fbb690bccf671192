"""Optimizers that PaddleSeg lacks, and their registration with its builder."""

from __future__ import annotations

from typing import Any

from segcli.engine import Network
from segcli.engines import muon


def register_optimizers() -> None:
    """Registers `Muon` with PaddleSeg's builder; a second call changes nothing."""
    from paddleseg.cvlibs import manager
    from paddleseg.optimizers.optimizer import BaseOptimizer

    class Muon(BaseOptimizer):  # type: ignore[misc,unused-ignore]
        """`segcli.engines.muon.Muon` with PaddleSeg's `weight_decay`, `grad_clip_cfg` and `custom_cfg`."""

        def __init__(
            self,
            weight_decay: float = 0.01,
            grad_clip_cfg: dict[str, Any] | None = None,
            custom_cfg: list[dict[str, Any]] | None = None,
            **options: Any,
        ) -> None:
            super().__init__(weight_decay, grad_clip_cfg, custom_cfg)
            self.args.update(options)

        def __call__(self, model: Network, lr: Any) -> muon.Muon:
            return muon.Muon(lr, parameters=self._collect_params(model), **self.args)

    if Muon.__name__ not in manager.OPTIMIZERS.components_dict:
        manager.OPTIMIZERS.add_component(Muon)
