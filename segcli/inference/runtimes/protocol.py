"""The interface of every runtime."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from numpy.typing import NDArray

from segcli.cores import available_cores
from segcli.errors import SegcliError, WeightsError
from segcli.inference.graphs import Graph
from segcli.inference.preprocess import Forward, NetworkInput
from segcli.runtimes import AUTO, other_runtime, runtime_names

LARGE_BYTES = 12 << 20
"""Of all inputs of a run, one megapixel: the memory of a larger run is given back, as files of the result need some."""


class Runtime(Protocol):
    """An opened network.

    Attributes:
        name: ``paddle``, ``onnxruntime``, ``openvino``, or two of them joined by ``+``.
    """

    name: str

    def run(self, images: NetworkInput) -> NDArray[Any]:
        """The first output of the network: logits [N, classes, h, w], or integer ids [N, h, w].

        Args:
            images: float32 [N, channels, H, W].
        """

    def run_named(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs of a network with several inputs, in the network's order.

        Args:
            inputs: Arrays by name.
        """


Method = TypeVar("Method", bound=Callable[..., Any])


def naming_file(method: Method) -> Method:
    """Decorates a method of a runtime, so that its errors name the runtime's attributes `name` and `file`.

    Each library has its own exceptions. Those about too little memory pass unchanged, for callers that then retry with
    less.
    """

    @wraps(method)
    def wrapped(self: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return method(self, *arguments, **options)
        except (SegcliError, MemoryError):
            raise
        except Exception as fault:
            if "memory" in str(fault).lower() or "alloc" in str(fault).lower():
                raise
            others = (name for name in runtime_names() if name not in (AUTO, self.name))
            hint = f"{other_runtime(*others)}, or another size of the image"
            raise WeightsError(f"{self.name} cannot compute this model: {fault}", path=self.file, hint=hint) from fault

    return cast(Method, wrapped)


def forward_of(runtime: Runtime) -> Forward:
    """A runtime as a function from images to logits, which also computes label maps on its device if it can."""
    on_device: Forward | None = getattr(runtime, "on_device", None)
    return runtime.run if on_device is None else on_device


class RuntimeModule(Protocol):
    """The module that implements one row of `segcli.runtimes`."""

    def open_graph(self, graph: Graph, file: Path, device: str, threads: int) -> Runtime:
        """Opens `file`, a form of `graph` that the runtime reads according to its row."""

    def device_count(self, kind: str) -> int:
        """Number of devices of a kind (``gpu``, ...) that it can use; only if the row says `any_device`."""

    def convert_onnx(self, source: Path, target: Path) -> Path:
        """Converts an ONNX file to the runtime's own format; only if the row names an export format."""


_limit: ContextVar[int | None] = ContextVar("threads", default=None)


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Networks that are opened inside the block use at most `threads` threads, for copies that run in parallel."""
    token = _limit.set(threads)
    try:
        yield
    finally:
        _limit.reset(token)


def thread_count() -> int:
    """Threads that a network may use: `OMP_NUM_THREADS` or else the available cores, at most as `limited_threads`."""
    limit = _limit.get()
    return _all_threads() if limit is None else min(limit, _all_threads())


def _all_threads() -> int:
    chosen = os.environ.get("OMP_NUM_THREADS", "")
    if chosen.isdigit() and int(chosen) > 0:
        return int(chosen)
    return available_cores()
