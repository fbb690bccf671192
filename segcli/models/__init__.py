"""The table of models, and the networks that PaddleSeg and PaddleDetection lack."""

from segcli.models.building import build_network

__all__ = ["build_network"]
