"""Numbers of 16 bits: which runtime computes with them, and whether the device has them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

from segcli.errors import MissingPartError, UsageError
from segcli.runtimes import AUTO, other_runtime

Precision = Literal["fp32", "fp16", "bf16"]
FULL: Precision = "fp32"
HALVES: tuple[Precision, ...] = ("fp16", "bf16")

_OF_DEVICE = {"cpu": "openvino"}
_OF_ACCELERATORS = "paddle"
_NO_NUMBERS = ("EXPORT_IMPORT",)
"""Capabilities in OpenVINO's list that are no numbers."""


def parse_precision(value: object) -> Precision:
    """The precision that a manifest names.

    Raises:
        ValueError: There is no such precision.
    """
    for known in (FULL, *HALVES):
        if known == value:
            return known
    raise ValueError(f"precision {value!r} is none of {', '.join((FULL, *HALVES))}")


def half_runtime(wanted: str, device: str) -> str:
    """The runtime that computes with 16 bits on a device.

    Args:
        wanted: The runtime that was asked for, or ``auto``.
        device: ``cpu``, ``gpu:0``, ...

    Raises:
        UsageError: The runtime that was asked for computes with 32 bits there.
    """
    name = _OF_DEVICE.get(device, _OF_ACCELERATORS)
    if wanted not in (AUTO, name):
        raise UsageError(
            f"{wanted} computes with 32 bits on {device}", hint=f"{other_runtime(name)}; or take the model with 32 bits"
        )
    return name


def require_half(precision: Precision, device: str) -> None:
    """Checks that a device computes with numbers of 16 bits.

    Raises:
        MissingPartError: It does not, or the runtime that could is not installed.
    """
    if device == "cpu":
        found = processor_capabilities()
        if precision.upper() in found:
            return
        reason = f"OpenVINO lists {', '.join(found)} for this processor"
    else:
        if device_has(precision, device):
            return
        reason = "Paddle says that the device does not have it"
    raise MissingPartError(
        f"{device} does not compute in {precision}: {reason}",
        hint="name another device (--device gpu:0), make a model of 8 bits (--precision int8), or use 32 bits",
    )


def processor_capabilities() -> tuple[str, ...]:
    """What OpenVINO computes with on this processor, such as FP32, INT8, BF16.

    Raises:
        MissingPartError: OpenVINO is not installed.
    """
    if find_spec("openvino") is None:
        hint = "pip install openvino"
        raise MissingPartError("openvino is not installed, and computes with 16 bits on processors", hint=hint)
    from segcli.inference.runtimes.openvino_core import shared_core

    found = shared_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return tuple(str(one) for one in found if one not in _NO_NUMBERS)


def device_has(precision: Precision, device: str) -> bool:
    """Whether Paddle computes with such numbers on an accelerator; False where there is no such device."""
    from paddle import amp

    supported = amp.is_float16_supported if precision == "fp16" else amp.is_bfloat16_supported
    try:
        return bool(supported(device))
    except (RuntimeError, ValueError):
        return False
