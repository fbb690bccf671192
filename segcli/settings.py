"""Environment variables with a fixed set of values: one that is misspelt is told, for it would change nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

from segcli.cpu import ALLOCATOR, CONVOLUTIONS

OFFLINE = "SEGCLI_OFFLINE"
"""Environment variable; 1 forbids network access."""

VALUES: Mapping[str, tuple[str, ...]] = {ALLOCATOR: ("system",), CONVOLUTIONS: ("paddle",), OFFLINE: ("0", "1")}
"""What is known of each; an empty value is that of a variable that is not set."""

log = logging.getLogger("segcli")


def unknown_values(environment: Mapping[str, str]) -> Iterator[str]:
    """What is to be said of each variable of `environment` that has a value which is not known, in a sentence."""
    for name, known in VALUES.items():
        value = environment.get(name, "")
        if value and value not in known:
            effect = "counts as 1" if name == OFFLINE else "has no effect"
            yield f"{name}={value} {effect}: known is {' or '.join(f'{name}={one}' for one in known)}"


def warn_of_unknown_values(environment: Mapping[str, str]) -> None:
    """Warns of them."""
    for text in unknown_values(environment):
        log.warning("%s", text)
