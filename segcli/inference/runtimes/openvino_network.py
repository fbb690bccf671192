"""A network on OpenVINO, which compiles it for the sizes of the images that come."""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.inference.runtimes.openvino_core import shared_core
from segcli.inference.runtimes.protocol import LARGE_BYTES

log = logging.getLogger("segcli.predict")

Settings = Mapping[str, object]
"""Of the compilation, by OpenVINO's names."""
Shapes = tuple[tuple[int, ...], ...]
_KEPT_SHAPES = 4
"""Number of networks, each compiled for one input shape, that are kept."""
_OFTEN = 16
"""Runs of one size after which a network is compiled for it: compiling takes 0.5 s, and runs are up to 7 % faster."""
_COUNTED_SHAPES = 1024
_HUGE_BYTES = 48_000_000
"""Of one image, four megapixels."""
_TOLERANCE = 1e-4
"""Largest difference between the outputs of two compiled networks, relative to the largest output."""


class SizedNetwork:
    """Runs a network for inputs of any shape that it takes.

    A compiled network keeps the memory of its run, which is four times that of a large input. So at most one network
    keeps that of a large input, and a huge one is run by a network of its own, which gives it back: one for free sizes
    needs twice as much, and beside such a run the time to compile is short.

    Args:
        model: An `openvino.Model`.
        settings: Of the compilation.
    """

    def __init__(self, model: Any, settings: Settings) -> None:
        self.model = model
        self._settings = settings
        self._compiled: OrderedDict[Shapes, Any] = OrderedDict()
        self._runs: Counter[Shapes] = Counter()
        self._any_size: dict[tuple[int, ...], Any] = {}
        self._huge: tuple[Shapes, Any] | None = None
        self._holds_memory: Any = None
        self._sizes_vary = len(model.inputs) == 1 and _has_free_size(model.inputs[0].partial_shape)

    def run(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """The outputs for inputs in the order of the network's inputs."""
        if max((value[:1].nbytes for value in inputs if value.ndim), default=0) >= _HUGE_BYTES:
            return self.run_huge(inputs, last=True)
        shapes = tuple(value.shape for value in inputs)
        # the first size gets its own compiled network: most often there is no second size
        if self._sizes_vary and self._compiled and shapes not in self._compiled and self._is_rare(shapes):
            network = self._for_any_size(inputs[0])
            if network is not None:
                return self._outputs(network, inputs)
        return self._outputs(self._fixed(shapes), inputs)

    def run_huge(self, inputs: Sequence[NDArray[Any]], *, last: bool) -> list[NDArray[Any]]:
        """The outputs of a network that is compiled for these shapes alone, and kept until other shapes come.

        Args:
            inputs: In the order of the network's inputs.
            last: Whether the memory of the network is given back.
        """
        shapes = tuple(value.shape for value in inputs)
        if self._huge is None or self._huge[0] != shapes:
            self._huge = None
            self._huge = shapes, self._compiled_for(shapes)
        network = self._huge[1]
        self._give_back_unless(network)
        found = network.create_infer_request().infer(list(inputs), share_inputs=True, share_outputs=True)
        outputs = [np.asarray(value) for value in found.values()]
        if last:
            network.release_memory()
        else:
            self._holds_memory = network
        return outputs

    def _outputs(self, network: Any, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        self._give_back_unless(network)
        if _bytes_of(inputs) < LARGE_BYTES:
            return [np.asarray(value) for value in network(list(inputs)).values()]
        self._holds_memory = network
        # a request of its own: that of the network would keep the inputs until the next run
        return [
            np.asarray(value)
            for value in network.create_infer_request().infer(list(inputs), share_inputs=True).values()
        ]

    def _give_back_unless(self, network: Any) -> None:
        """Gives the memory of the last large run back if another network runs now."""
        if self._holds_memory is not None and self._holds_memory is not network:
            self._holds_memory.release_memory()
            self._holds_memory = None

    def _for_any_size(self, images: NDArray[Any]) -> Any:
        """The network compiled for images of any size, with this batch size; None if its outputs are wrong.

        The batch size stays fixed: with a free one OpenVINO 2026.4 loses outputs of some networks. The first output is
        compared with that of the network compiled for this size.
        """
        batch = images.shape[:-2]
        if batch not in self._any_size:
            expected = self._outputs(self._fixed((images.shape,)), [images])
            self._any_size[batch] = self._made_for_any_size(images, expected)
        return self._any_size[batch]

    def _made_for_any_size(self, images: NDArray[Any], expected: Sequence[NDArray[Any]]) -> Any:
        try:
            self.model.reshape([*images.shape[:-2], -1, -1])
            network = self._compile()
            found = self._outputs(network, [images])
        except RuntimeError as fault:
            log.info("OpenVINO compiles this network separately for every size: %s", fault)
            return None
        return network if all(_alike(one, other) for one, other in zip(expected, found, strict=True)) else None

    def _is_rare(self, shapes: Shapes) -> bool:
        if len(self._runs) > _COUNTED_SHAPES:
            self._runs.clear()
        self._runs[shapes] += 1
        return self._runs[shapes] <= _OFTEN

    def _fixed(self, shapes: Shapes) -> Any:
        """The network compiled for inputs of these shapes."""
        if shapes not in self._compiled:
            self._compiled[shapes] = self._compiled_for(shapes)
            if len(self._compiled) > _KEPT_SHAPES:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(shapes)
        return self._compiled[shapes]

    def _compiled_for(self, shapes: Shapes) -> Any:
        self.model.reshape({port: list(shape) for port, shape in zip(self.model.inputs, shapes, strict=True)})
        return self._compile()

    def _compile(self) -> Any:
        return shared_core().compile_model(self.model, "CPU", self._settings)


def _bytes_of(inputs: Sequence[NDArray[Any]]) -> int:
    return sum(value.nbytes for value in inputs)


def _has_free_size(shape: Any) -> bool:
    """Whether a network takes images of any height and width."""
    return bool(shape.rank.is_static and len(shape) == 4 and shape[2].is_dynamic and shape[3].is_dynamic)


def _alike(one: NDArray[Any], other: NDArray[Any]) -> bool:
    if one.shape != other.shape:
        return False
    return bool(np.abs(one - other).max(initial=0) <= _TOLERANCE * max(1.0, float(np.abs(one).max(initial=0))))
