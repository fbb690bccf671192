"""`segcli doctor --fix --gpu`: replaces the CPU build of Paddle by the GPU build.

Paddle 3 for GPUs is not on PyPI: each CUDA version has its own index, listed on Paddle's installation page.
Both builds use the same folder, so the new one is downloaded first, then the old one removed, then the new installed.
"""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib import invalidate_caches
from tempfile import TemporaryDirectory

from segcli.errors import MissingPartError, UsageError
from segcli.nvidia import driver_cuda
from segcli.steps.doctor import packages

log = logging.getLogger("segcli.doctor")

CPU_PACKAGE, GPU_PACKAGE = "paddlepaddle", "paddlepaddle-gpu"
GUIDE = "the installation page of PaddlePaddle lists an index for each CUDA version"
_DRIVER_HINT = "install NVIDIA's driver first; `nvidia-smi` lists its GPUs, of which CUDA_VISIBLE_DEVICES can hide some"
Version = tuple[int, int]


@dataclass(frozen=True)
class GpuPlan:
    """The planned changes.

    Attributes:
        driver: The highest CUDA version that the driver supports.
        index: URL of the package index for Paddle.
        removed: Packages to remove first.
        is_done: Whether only the GPU build is already installed.
    """

    driver: Version
    index: str
    removed: tuple[str, ...]
    is_done: bool

    def rows(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        if self.is_done:
            return [("driver", _shown(self.driver)), ("installed", f"{GPU_PACKAGE} {packages.installed(GPU_PACKAGE)}")]
        return [
            ("driver", _shown(self.driver)),
            ("download", f"{GPU_PACKAGE}=={packages.PADDLE} from {self.index}"),
            ("remove", ", ".join(self.removed) or "nothing"),
            ("install", f"{GPU_PACKAGE}=={packages.PADDLE}"),
        ]


def plan_gpu(index: str | None) -> GpuPlan:
    """Plans the changes without making any.

    Args:
        index: URL of Paddle's index for a CUDA version.

    Raises:
        MissingPartError: There is no NVIDIA driver, or no GPU for it.
        UsageError: No index was given, or one for a newer CUDA than the driver supports.
    """
    driver = driver_cuda()
    if driver is None:
        raise MissingPartError("there is no NVIDIA driver here, or no GPU that it shows", hint=_DRIVER_HINT)
    version = packages.installed(GPU_PACKAGE)
    is_done = version is not None and version.startswith(packages.PADDLE) and packages.installed(CPU_PACKAGE) is None
    if is_done:
        return GpuPlan(driver, index or "", (), is_done=True)
    if index is None:
        raise UsageError(
            f"the driver serves CUDA {_shown(driver)}; which index Paddle comes from has to be said",
            hint=f"segcli doctor --fix --gpu --index URL: {GUIDE}; take one for CUDA {_shown(driver)} or older",
        )
    wanted = cuda_of_index(index)
    if wanted is not None and wanted > driver:
        raise UsageError(
            f"the index is for CUDA {_shown(wanted)}, and the driver serves {_shown(driver)} at most",
            hint=f"take the index for CUDA {_shown(driver)} or older, or a newer driver; {GUIDE}",
        )
    removed = tuple(name for name in (CPU_PACKAGE, GPU_PACKAGE) if packages.installed(name) is not None)
    return GpuPlan(driver, index, removed, is_done=False)


def install_gpu(plan: GpuPlan) -> None:
    """Carries out a plan; if the installation fails, the CPU build is restored.

    Raises:
        MissingPartError: pip failed; the message names what is installed now.
    """
    if plan.is_done:
        return
    requirement = f"{GPU_PACKAGE}=={packages.PADDLE}"
    with TemporaryDirectory(prefix="segcli-paddle-") as folder:
        if not _pip("download", "--no-deps", "--dest", folder, "--index-url", plan.index, requirement):
            raise MissingPartError(f"{requirement} cannot be downloaded; nothing was changed", hint=GUIDE)
        if plan.removed:
            _pip("uninstall", "-y", *plan.removed)
        found = ("--find-links", folder, "--index-url", plan.index, "-c", str(packages.CONSTRAINTS))
        if not _pip("install", *found, requirement):
            back = _pip("install", "-c", str(packages.CONSTRAINTS), f"{CPU_PACKAGE}=={packages.PADDLE}")
            now = "the CPU build is back" if back else "neither build is installed now: segcli doctor --fix"
            raise MissingPartError(f"{requirement} cannot be installed; {now}", hint="pip's message above says why")
    invalidate_caches()


def cuda_of_index(url: str) -> Version | None:
    """Returns the CUDA version in the URL of an index; None where it has none.

    >>> cuda_of_index("https://packages.example/stable/cu126/")
    (12, 6)
    """
    found = re.search(r"/cu(\d{2})(\d)(?:/|$)", url)
    return None if found is None else (int(found[1]), int(found[2]))


def _pip(*words: str) -> bool:
    log.info("pip %s", " ".join(words))
    return subprocess.run([sys.executable, "-m", "pip", *words], check=False).returncode == 0


def _shown(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
