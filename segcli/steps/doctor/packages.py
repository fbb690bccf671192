"""Checks the versions of installed packages, and packages that conflict."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from segcli.inference.onnx_conversion import NO_CONVERTER_FROM
from segcli.inference.runtimes.onnx_cuda import EXCHANGE
from segcli.runtimes import is_importable
from segcli.steps.doctor.health import Observation, State

CONSTRAINTS = Path(__file__).with_name("constraints.txt")
"""Exact versions that segcli is tested with."""

Words = tuple[str, ...]
Bounds = tuple[str, str | None]
OPENCV = "opencv-python-headless"
NEEDED: dict[str, Bounds] = {
    "numpy": ("1.26", "2.4"),
    OPENCV: ("4.11", "5"),
    "pillow": ("11", None),
    "simplejpeg": ("1.8", None),
    "scipy": ("1.13", None),
    "tifffile": ("2024.8.30", None),
    "pydantic": ("2.10", None),
    "omegaconf": ("2.3", None),
    "pyyaml": ("6.0", None),
    "rich": ("14.1", None),
    "typer": ("0.20", None),
    "matplotlib": ("3.9", None),
    "jinja2": ("3.1", None),
    "safetensors": ("0.4", None),
    "pycocotools": ("2.0.8", None),
    "hotcoco": ("1.0", None),
    "six": ("1.16", None),
    "tqdm": ("4.66", None),
    "filelock": ("3.13", None),
    "prettytable": ("3.10", None),
    "requests": ("2.32", None),
}
"""Package -> lowest version, and the first version that does not work; a test compares it with pyproject.toml."""

ENGINES = {"paddleseg": "2.8.0", "paddledet": "2.6.0"}
"""The libraries behind semantic and instance models, installed without their own pins."""

RUNTIMES = ("onnxruntime", "paddle2onnx", "openvino")
"""They make CPU predictions several times faster; paddle2onnx writes the files for onnxruntime."""

PADDLE = "3.3.1"


def installed(name: str) -> str | None:
    """Version of an installed distribution; None when it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def check_paddle() -> Iterator[Observation]:
    """PaddlePaddle itself, for CPU or GPU."""
    found = {name: version for name in ("paddlepaddle", "paddlepaddle-gpu") if (version := installed(name))}
    if not found:
        missing = ("install", "-c", str(CONSTRAINTS), f"paddlepaddle=={PADDLE}")
        yield Observation("packages", "paddlepaddle", "not installed", State.BAD, missing)
    for name, version in found.items():
        fits = version.startswith(PADDLE)
        remedy: Words = () if fits else ("install", f"{name}=={PADDLE}")
        value = version if fits else f"{version}; tested with {PADDLE}"
        yield Observation("packages", name, value, State.GOOD if fits else State.NOTE, remedy)
    if len(found) == 2:
        advice = "python -m pip uninstall the one that you do not need; both use the same folder"
        yield Observation("packages", "paddlepaddle", "both CPU and GPU are installed", State.NOTE, advice=advice)


def check_needed() -> Iterator[Observation]:
    """Packages that segcli imports."""
    for name, (lowest, too_new) in NEEDED.items():
        if name == OPENCV and _other_opencv():
            continue  # one of the conflicts
        version = installed(name)
        bounds = f">={lowest}" + (f",<{too_new}" if too_new else "")
        remedy = ("install", "-c", str(CONSTRAINTS), f"{name}{bounds}")
        if version is None:
            yield Observation("packages", name, "not installed", State.BAD, remedy)
        elif not _within(version, lowest, too_new):
            yield Observation("packages", name, f"{version}; needed {bounds}", State.BAD, remedy)
        else:
            yield Observation("packages", name, version)


def _other_opencv() -> list[str]:
    names = ("opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")
    return [name for name in names if installed(name)]


def check_conflicts() -> Iterator[Observation]:
    """Packages that must not be installed together."""
    others = _other_opencv()
    if others:
        value = f"{' and '.join(others)} writes the same files as {OPENCV}, which segcli is tested with"
        yield Observation("conflicts", "opencv", value, State.BAD, ("uninstall", "-y", *others))


def check_engines() -> Iterator[Observation]:
    """The libraries that build the networks: their versions; `segcli.steps.doctor.trial` tests them."""
    for name, tested in ENGINES.items():
        version = installed(name)
        if version == tested:
            yield Observation("engines", name, version)
            continue
        value = f"{version}; tested with {tested}" if version else "not installed"
        yield Observation("engines", name, value, State.BAD, engine_remedy(name))


def engine_remedy(name: str) -> tuple[str, ...]:
    """pip arguments that install an engine without its pins, which require obsolete packages."""
    return ("install", "--no-deps", "-c", str(CONSTRAINTS), f"{name}=={ENGINES[name]}")


def opencv_reinstall() -> tuple[str, ...]:
    """pip arguments that restore the files deleted with another OpenCV."""
    return ("install", "--no-deps", "--force-reinstall", "-c", str(CONSTRAINTS), OPENCV)


def check_runtimes() -> Iterator[Observation]:
    """Runtimes of exported models."""
    for name in RUNTIMES:
        builds = {build: version for build in (name, f"{name}-gpu") if (version := installed(build))}
        if len(builds) == 2:
            value = f"{' and '.join(builds)} are installed, and write the same files"
            yield Observation("runtimes", name, value, State.NOTE, advice=f"{EXCHANGE}, leaves the build for GPUs")
        elif builds and is_importable(name):
            yield from (Observation("runtimes", build, version) for build, version in builds.items())
        elif builds:
            ((build, version),) = builds.items()
            value = f"the files of {build} are gone, as when another build of it is uninstalled"
            advice = f"`python -m pip install --no-deps --force-reinstall {build}=={version}` puts them back"
            yield Observation("runtimes", name, value, State.NOTE, advice=advice)
        elif name == "paddle2onnx" and sys.version_info[:2] >= NO_CONVERTER_FROM:
            value = f"has no wheel for Python {sys.version_info[0]}.{sys.version_info[1]}: no ONNX is written here"
            advice = "Python 3.12 or older writes ONNX; models that hold it run here all the same"
            yield Observation("runtimes", name, value, State.NOTE, advice=advice)
        else:
            remedy = ("install", "-c", str(CONSTRAINTS), name)
            yield Observation("runtimes", name, "not installed; predictions on the CPU are slower", State.NOTE, remedy)


def _within(version: str, lowest: str, too_new: str | None) -> bool:
    return _numbers(version) >= _numbers(lowest) and (too_new is None or _numbers(version) < _numbers(too_new))


def _numbers(version: str) -> tuple[int, ...]:
    """Leading numbers of a version, without trailing zeros: ``2.4.0rc1`` counts as 2.4."""
    numbers: list[int] = []
    for part in version.split("."):
        digits = "".join(sign for sign in part if sign.isdigit()) if part[:1].isdigit() else ""
        if not digits or digits != part:
            break
        numbers.append(int(digits))
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
