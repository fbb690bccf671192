"""Stands in for `segcli.inference.opening_worker`, for files that a library does not survive: dies as the stem says."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from segcli.inference.opening_budget import MEMORY_OVER

given = json.loads(sys.argv[1])
Path(given["stem"]).with_name("tries").open("a").write("x")
kind = Path(given["stem"]).name
if kind == "segfault":
    os.kill(os.getpid(), signal.SIGSEGV)
if kind == "busy":
    os.kill(os.getpid(), signal.SIGXCPU)
sys.exit({"memory": MEMORY_OVER, "refused": 4}.get(kind, 0))
