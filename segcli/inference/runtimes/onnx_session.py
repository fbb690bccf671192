"""Sessions of ONNX Runtime that start from a network that was optimised before.

Most of the time in which ONNX Runtime opens a network goes into optimising it: 0.16 of 0.21 s for PP-LiteSeg-T. It can
write what it made of it, which is kept in the cache of this machine, for its version and this processor. The weights
are in a file of their own, which is mapped into memory, not read: 0.02 instead of 0.06 s.
"""

from __future__ import annotations

import hashlib
import logging
import mmap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

from segcli.cpu import processor_kind
from segcli.data.files import flush_to_disk, whole_folder
from segcli.errors import MissingPartError
from segcli.inference.runtimes.kept_networks import FOLDER_OF_FILES, keep_few, kept_form
from segcli.inference.runtimes.onnx_cuda import CPU_PROVIDER, PROVIDER, providers_for

log = logging.getLogger("segcli.predict")

_WARNINGS, _ERRORS_ONLY = 2, 3
_NETWORK, _WEIGHTS = "network.onnx", "network.weights"
_LEAST_WEIGHTS_BYTES = "1024"
"""Smaller tensors stay in the file of the network."""
_WAITING = "session.intra_op.spin_duration_us"
"""Older versions of ONNX Runtime have no such setting, and take no notice of it."""
_WAITING_US = "100"
"""How long threads of a session wait at full speed for more work, in microseconds.

ONNX Runtime lets them wait so from one run to the next: a tenth of the CPU time in which a process predicts one small
image, and where other work wants the cores a run takes half as long again. The next operator of a run comes sooner.
"""
_MOST_BYTES = 256 << 20
"""A larger network is optimised each time: its copy would cost more disk than it saves time."""
_PLACE_OF_WEIGHTS = b"\x0a\x08location"
"""Key with which an ONNX file names another file for the weights of a tensor, as protobuf writes it."""


def open_session(
    source: Path | bytes, threads: int, *, device: str = "cpu", foreign: bool = False, shares: bool = False
) -> Any:
    """An `onnxruntime.InferenceSession`.

    Args:
        source: An ONNX file, or its content.
        threads: Number of threads.
        device: ``cpu``, or ``gpu:N``, for which nothing is kept: what the CPU is given is laid out for it alone.
        foreign: Whether segcli did not write it, so that its weights may be in other files.
        shares: Whether it takes memory from what all such sessions share, and no more than is asked for: for networks
            that run in turn on large images.

    Raises:
        MissingPartError: ONNX Runtime does not compute on the GPU.
    """
    if device != "cpu":
        return _on_gpu(source, device, _options(threads, shares=False))
    options = partial(_options, threads, shares=shares and _memory_is_shared())
    target = _optimised_folder(source) if isinstance(source, Path) else None
    if target is None or (foreign and isinstance(source, Path) and _has_weights_elsewhere(source)):
        return _session(source, options())
    if (target / _NETWORK).is_file():
        try:
            return _session(target / _NETWORK, _as_it_is(options()))
        except Exception as fault:  # onnxruntime's own kinds of exception are not public
            log.debug("the optimised network is made again: %s", fault)
    return _made(source, target, options)


@cache
def returning_memory() -> Any:
    """Options of a run after which its memory, four times that of its input, is given back but for a block."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


@cache
def _memory_is_shared() -> bool:
    """Registers the memory that sessions share; False where other code in this process registered its own."""
    import onnxruntime

    kinds = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    # no limit; grows by what is asked for, not by doubling; the rest as it is
    growth = onnxruntime.OrtArenaCfg(0, 1, -1, -1)
    try:
        onnxruntime.create_and_register_allocator(onnxruntime.OrtMemoryInfo("Cpu", *kinds), growth)
    except Exception as fault:  # onnxruntime's own kinds of exception are not public
        log.debug("sessions do not share memory: %s", fault)
        return False
    return True


def _made(source: Path | bytes, target: Path, fresh_options: Callable[[], Any]) -> Any:
    """A session whose optimised network is left in `target`; nothing is left where that cannot be written."""
    options = fresh_options()
    opened: list[Any] = []
    try:
        with whole_folder(target) as fresh:
            options.optimized_model_filepath = str(fresh / _NETWORK)
            options.add_session_config_entry("session.optimized_model_external_initializers_file_name", _WEIGHTS)
            smallest = "session.optimized_model_external_initializers_min_size_in_bytes"
            options.add_session_config_entry(smallest, _LEAST_WEIGHTS_BYTES)
            opened.append(_session(source, options))
            if isinstance(source, Path) and _optimised_folder(source) != target:
                raise OSError(f"{source} was replaced while it was opened")
            for file in fresh.iterdir():  # after a power cut, weights that are not whole would give other answers
                flush_to_disk(file)
        keep_few(target)
    except Exception as fault:  # a fault of the network itself is raised below
        log.debug("the optimised network cannot be kept: %s", fault)
    return opened[0] if opened else _session(source, fresh_options())


def _has_weights_elsewhere(source: Path) -> bool:
    """Whether an ONNX file has weights in other files, of which `kept_form` knows nothing."""
    if source.stat().st_size == 0:  # cannot be mapped
        return False
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(_PLACE_OF_WEIGHTS) >= 0


def _optimised_folder(source: Path) -> Path | None:
    import onnxruntime

    if source.stat().st_size > _MOST_BYTES:
        return None
    kind = hashlib.sha256(f"{onnxruntime.__version__} {processor_kind()}".encode()).hexdigest()[:12]
    return kept_form(source, f"{kind}{FOLDER_OF_FILES}")


def _options(threads: int, *, shares: bool) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry(_WAITING, _WAITING_US)
    # a pattern is one more block of memory as large as all that the first run took, and is no faster on a CPU
    options.enable_mem_pattern = False
    if shares:
        options.add_session_config_entry("session.use_env_allocators", "1")
    return options


def _as_it_is(options: Any) -> Any:
    import onnxruntime

    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return options


def _on_gpu(source: Path | bytes, device: str, options: Any) -> Any:
    """A session on a GPU; ONNX Runtime by itself would go on with the CPU where that fails, and only log it."""
    with _without_warnings():
        session = _session(source, options, providers_for(device))
    if PROVIDER not in session.get_providers():
        _session(source, options, providers_for(device))  # prints why
        raise MissingPartError(
            f"ONNX Runtime cannot compute on {device}, and would use the CPU instead; it printed why",
            hint="`segcli doctor` lists the devices; Global.device=cpu (--device cpu) computes on the CPU",
        )
    return session


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Inside the block ONNX Runtime prints errors alone: it warns of each GPU that no plug-in drives."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(_ERRORS_ONLY)
    try:
        yield
    finally:
        onnxruntime.set_default_logger_severity(_WARNINGS)


def _session(source: Path | bytes, options: Any, providers: Sequence[Any] = (CPU_PROVIDER,)) -> Any:
    import onnxruntime

    given = str(source) if isinstance(source, Path) else source
    return onnxruntime.InferenceSession(given, options, providers=list(providers), enable_fallback=0)
