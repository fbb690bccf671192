"""ONNX Runtime on NVIDIA GPUs: whether it can compute there, what is missing where it cannot, and its settings.

ONNX Runtime itself only logs that a library is missing, and computes on the CPU.
"""

from __future__ import annotations

import ctypes
import json
import re
import sys
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from functools import cache
from io import StringIO
from typing import Any

from segcli.config.check import parse_device
from segcli.nvidia import driver_cuda, gpus
from segcli.runtimes import is_importable

PROVIDER, CPU_PROVIDER = "CUDAExecutionProvider", "CPUExecutionProvider"
REQUIREMENT = '"onnxruntime-gpu[cuda,cudnn]>=1.21"'
EXCHANGE = f"`pip uninstall -y onnxruntime onnxruntime-gpu`, then `pip install {REQUIREMENT}`"
"""Both packages write the same folder, so that one over the other leaves neither whole."""
_CUDNN = "cudnn64_9.dll" if sys.platform == "win32" else "libcudnn.so.9"
"""It is opened at the first convolution, so that nothing else tells early that it is missing."""
_NOT_LOADED = re.compile(r"^Failed to load ([^/\\:\s]+):", re.MULTILINE)
"""What `onnxruntime.preload_dlls` prints of a library that is nowhere."""


@dataclass(frozen=True)
class Obstacle:
    """Why ONNX Runtime cannot use the GPUs.

    Attributes:
        message: What is missing.
        remedy: What to do.
    """

    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}"


@cache
def obstacle() -> Obstacle | None:
    """What keeps ONNX Runtime from the NVIDIA GPUs of this machine; None where nothing does, or there are none."""
    if not gpus():
        return None
    if not is_importable("onnxruntime"):
        return Obstacle("ONNX Runtime is not installed", f"{EXCHANGE}, installs it")
    import onnxruntime

    if PROVIDER not in onnxruntime.get_available_providers():
        return Obstacle("this ONNX Runtime is built without CUDA", f"{EXCHANGE}, puts the build for GPUs there")
    built, served = getattr(onnxruntime, "cuda_version", "") or "", driver_cuda()
    if served is not None and built.partition(".")[0].isdigit() and int(built.partition(".")[0]) > served[0]:
        message = f"ONNX Runtime is built for CUDA {built}, and NVIDIA's driver serves {served[0]}.{served[1]} at most"
        return Obstacle(message, f"install a newer driver, or an onnxruntime-gpu for CUDA {served[0]}")
    missing = _missing_libraries()
    if missing:
        return Obstacle(f"ONNX Runtime finds no {', '.join(missing)}", f"`pip install {REQUIREMENT}` installs it")
    return None


def gpus_as_json() -> str:
    """The GPUs of this machine and what keeps ONNX Runtime from them, for another process."""
    found = obstacle()
    told = {"message": None, "remedy": None} if found is None else asdict(found)
    return json.dumps({"gpus": [str(gpu) for gpu in gpus()], **told})


def providers_for(device: str) -> list[Any]:
    """What `onnxruntime.InferenceSession` takes to compute on ``cpu`` or ``gpu:N``.

    On a GPU products are not rounded to TF32, 10 bits: a runtime is used because its answers equal Paddle's.
    Convolutions are chosen by trials of those that need little memory, for each size of images: by rule, cuDNN takes
    some without TF32 that need more memory than most GPUs have (OCRNet), or many times the time (PP-LiteSeg).
    """
    kind, ids = parse_device(device)
    if kind == "cpu":
        return [CPU_PROVIDER]
    settings = {
        "device_id": ids[0] if ids else 0,
        "use_tf32": 0,
        "cudnn_conv_algo_search": "EXHAUSTIVE",
        "cudnn_conv_use_max_workspace": 0,
        "arena_extend_strategy": "kSameAsRequested",
    }
    return [(PROVIDER, settings), CPU_PROVIDER]


def _missing_libraries() -> tuple[str, ...]:
    """Libraries of CUDA that cannot be loaded, after those of pip's packages were; before 1.21, of cuDNN alone."""
    import onnxruntime

    printed = StringIO()
    if hasattr(onnxruntime, "preload_dlls"):
        with redirect_stdout(printed):
            onnxruntime.preload_dlls()
    missing = list(dict.fromkeys(_NOT_LOADED.findall(printed.getvalue())))
    try:
        ctypes.CDLL(_CUDNN)
    except OSError:
        missing.append(_CUDNN)
    return tuple(missing)
