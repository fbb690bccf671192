"""What libraries do at their import and no command has use for."""

from __future__ import annotations

import os

_LEAN = {
    "PYDANTIC_DISABLE_PLUGINS": "__all__",  # looked for in every installed package
    "OPENBLAS_THREAD_TIMEOUT": "20",
}
"""Settings in environment variables.

The threads of OpenBLAS, numpy's library for products of matrices, wait for work at full speed before they sleep: for
2^26 cycles of the processor, 0.02 s of each core from the import on. 2^20 cycles are longer than what lies between two
products of one computation.
"""


def start_lean() -> None:
    """Makes the imports of this process and of those that it starts cheaper; what the user has set stays."""
    for name, value in _LEAN.items():
        os.environ.setdefault(name, value)
