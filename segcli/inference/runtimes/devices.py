"""On which device exported models compute: on one that a runtime can use, be it Paddle or another one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache

from segcli.config.check import AUTO as AUTO_DEVICE
from segcli.config.check import DEVICE_KINDS, parse_device
from segcli.device import part_there, unused_gpu
from segcli.inference.runtimes.onnx_cuda import obstacle
from segcli.inference.runtimes.open_graph import module_of, row_of
from segcli.runtimes import AUTO, PADDLE, RuntimeRow, runtimes

log = logging.getLogger("segcli.predict")

_INSTALL = "install a runtime for this device (`segcli doctor`)"


def inference_device(device: str, runtime: str = AUTO, *, strict: bool = False) -> str:
    """The part of `device` on which a runtime can compute; the CPU where there is none. Warns once where it differs.

    Args:
        device: As in `Global.device`.
        runtime: As in `Predict.runtime`.
        strict: Whether a device that is not there is an error.

    Raises:
        ConfigError: There is no such runtime.
        MissingPartError: The runtime is not installed; or not all of the device is there, and `strict`.
    """
    return _found(device, runtime, strict)


@cache
def _found(device: str, runtime: str, strict: bool) -> str:
    """See `inference_device`; the cache tells calls apart by how they name their arguments, so it is not there."""
    rows = candidates(runtime)
    kind, _ = parse_device(device)
    if kind == AUTO_DEVICE:
        return _best_device(rows, runtime)
    user = "a runtime" if runtime == AUTO else runtime
    why = None if kind == "cpu" or device_count(rows, kind) else _why_none(runtime, kind)
    return part_there(device, lambda one: device_count(rows, one), user, _INSTALL, why=why, strict=strict)


def candidates(runtime: str) -> list[RuntimeRow]:
    """The rows of the installed runtimes that a name stands for."""
    return [row for row in runtimes().values() if row.is_installed] if runtime == AUTO else [row_of(runtime)]


def runs_on(row: RuntimeRow, device: str) -> bool:
    """Whether an installed runtime can compute on ``cpu``, ``gpu:0``, ..."""
    kind, ids = parse_device(device)
    return device_count([row], kind) > max(ids, default=0)


def device_count(rows: Sequence[RuntimeRow], kind: str) -> int:
    """Number of devices of a kind that the first of these runtimes can use that can use any.

    Later ones are not asked, which may load libraries.
    """
    if kind == "cpu":
        return 1
    counts = (module_of(row).device_count(kind) for row in rows if row.any_device)
    return next((number for number in counts if number), 0)


def _best_device(rows: Sequence[RuntimeRow], runtime: str) -> str:
    """The first accelerator that a runtime can use, which is logged; else the CPU."""
    kind = next((kind for kind in DEVICE_KINDS if kind != "cpu" and device_count(rows, kind)), None)
    if kind is not None:
        log.info("computing on %s:0 (Global.device=cpu computes on the CPU)", kind)
        return f"{kind}:0"
    why = _why_none(runtime, "gpu") if any(row.any_device for row in rows) else None
    if why is not None:
        log.warning("computing on the CPU: %s", why)
    return "cpu"


def _why_none(runtime: str, kind: str) -> str | None:
    """Why no device of a kind can be used, and what to do; None where there is none."""
    if runtime != AUTO and not row_of(runtime).any_device:
        return f"{runtime} computes on the CPU alone"
    if kind != "gpu":
        return None
    found = None if runtime == PADDLE else obstacle()
    return unused_gpu() if found is None else f"this machine has an NVIDIA GPU: {found}"
