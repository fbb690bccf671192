"""The table of models, and the networks that PaddleSeg and PaddleDetection lack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segcli.networks import build_network

__all__ = ["build_network"]


def __getattr__(name: str) -> Any:
    """Imports `build_network` when it is asked for: a mistyped option need not wait for all tables of models."""
    if name == "build_network":
        from segcli.networks import build_network

        return build_network
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
