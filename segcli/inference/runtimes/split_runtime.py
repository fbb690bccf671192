"""An R-CNN in two parts: its convolutions in a fast runtime, its proposals and heads in Paddle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.inference.exported_model import FEATURE_TENSOR
from segcli.inference.preprocess import NetworkInput
from segcli.inference.runtimes.protocol import Runtime


class SplitRuntime:
    """Runs the two parts one after the other; see `segcli.inference.runtimes.protocol.Runtime`.

    Args:
        stem: Runs the first part, from images to feature maps.
        heads: Runs the second part, from feature maps to objects.
    """

    def __init__(self, stem: Runtime, heads: Runtime) -> None:
        self._stem, self._heads = stem, heads
        self.name = f"{stem.name}+{heads.name}"

    def run(self, images: NetworkInput) -> NDArray[Any]:
        """The boxes ``bbox`` [N, 6] in images that were not resized."""
        sides = np.array([images.shape[2:]] * len(images), np.float32)
        return self.run_named({"image": images, "im_shape": sides, "scale_factor": np.ones_like(sides)})[0]

    def run_named(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs of the heads."""
        features = self._stem.run_named({"image": inputs["image"]})
        named = {FEATURE_TENSOR.format(index): value for index, value in enumerate(features)}
        rest = {name: value for name, value in inputs.items() if name != "image"}
        return self._heads.run_named({**rest, **named})
