"""Known names near a mistyped one, for "did you mean ...?"."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from segcli.config.keys import leaves, sections


def near(word: str, known: Iterable[str], count: int = 2) -> list[str]:
    """The known words nearest to a mistyped one, best first; case is ignored."""
    folded = {candidate.lower(): candidate for candidate in known}
    return [folded[match] for match in get_close_matches(word.lower(), folded, n=count, cutoff=0.6)]


def did_you_mean(words: list[str]) -> str | None:
    """The remedy that offers these words; None when there are none."""
    return f"did you mean {' or '.join(words)}?" if words else None


def nearest_keys(key: str) -> list[str]:
    """Valid keys near an unknown one: in the same section, else with the same name elsewhere, else anywhere."""
    parent, _, name = key.rpartition(".")
    if parent in sections():
        siblings = near(name, sections()[parent].model_fields, count=1)
        if siblings:
            return [f"{parent}.{siblings[0]}" if parent else siblings[0]]
    namesakes = [known for known in leaves() if known.rpartition(".")[2] == name]
    everywhere = leaves() if parent in sections() and parent else sections()
    return namesakes[:3] or near(key, filter(None, everywhere), count=1)
