"""The environments of the peers: made once by ``scripts/bench --peers``, below ``.venv-peers/``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / ".venv-peers"
DONE = "installed"
"""File in an environment that is complete: the requirements that were installed."""


@dataclass(frozen=True)
class Peer:
    """Another tool.

    Attributes:
        name: What it is called on the command line.
        requirements: For pip.
        modules: Imported in this order to see whether it works.
        variable: Environment variable that names a Python which has it already.
        index: Environment variable of a package index that has smaller builds; where it is not set, pip's own is used.
    """

    name: str
    requirements: tuple[str, ...]
    modules: str
    variable: str
    index: str | None = None

    @property
    def folder(self) -> Path:
        """Its environment."""
        return FOLDER / self.name

    def python(self) -> str | None:
        """Its Python; None where it is not there."""
        given = os.environ.get(self.variable)
        if given:
            return given
        return str(_python(self.folder)) if (self.folder / DONE).is_file() else None


PEERS = {
    peer.name: peer
    for peer in (
        Peer("labelme2coco", ("labelme2coco",), "labelme2coco", "SEGCLI_LABELME2COCO_PYTHON"),
        Peer("paddlex", ("paddlepaddle==3.3.1", "paddlex[cv,serving]==3.7.2"), "paddlex", "SEGCLI_PADDLEX_PYTHON"),
        # the last Paddle on which it trains as it comes, with what that asks for
        Peer(
            "paddleseg",
            ("paddlepaddle==2.6.2", "paddleseg", "numpy<2", "setuptools"),
            "numpy, paddleseg",  # Paddle 2.6 brings a zlib of its own, with which a later import of Python's crashes
            "SEGCLI_PADDLESEG_PYTHON",
        ),
        Peer("torch", ("torch", "transformers"), "torch", "SEGCLI_TORCH_PYTHON", index="SEGCLI_TORCH_INDEX"),
    )
}


def make(names: Sequence[str]) -> int:
    """Makes the environments of some peers, or of all; 1 where one cannot be made. What is there stays."""
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        print(f"no peer is called {', '.join(unknown)}; there are {', '.join(PEERS)}", file=sys.stderr)  # noqa: T201
        return 2
    return max([_make(PEERS[name]) for name in names or PEERS], default=0)


def _make(peer: Peer) -> int:
    wanted = "\n".join(peer.requirements)
    sign = peer.folder / DONE
    if sign.is_file() and sign.read_text(encoding="utf-8") == wanted:
        print(f"{peer.name}: is there")  # noqa: T201
        return 0
    sign.unlink(missing_ok=True)
    index = os.environ.get(peer.index or "", "")
    install = [*("-m", "pip", "--disable-pip-version-check", "install", "--quiet"), *peer.requirements]
    steps = (
        [sys.executable, "-m", "venv", str(peer.folder)],
        [str(_python(peer.folder)), *install, *(["--extra-index-url", index] if index else [])],
        [str(_python(peer.folder)), "-c", f"import {peer.modules}"],
    )
    for command in steps:
        # without our own packages, which would hide those of the peer
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{peer.name}: cannot be made: {done.stderr.strip()[-500:]}", file=sys.stderr)  # noqa: T201
            return 1
    sign.write_text(wanted, encoding="utf-8")
    print(f"{peer.name}: made")  # noqa: T201
    return 0


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
