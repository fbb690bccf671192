"""The words that bash hands to a completion: it ends a word at every ``=``, so they are put together again."""

from __future__ import annotations

import os
from collections.abc import MutableMapping, Sequence

ASKED = "_SEGCLI_COMPLETE"
"""Set by the shell where the program is called for a completion."""
_WORDS, _PLACE = "COMP_WORDS", "COMP_CWORD"

_open_key = ""


def open_key() -> str:
    """The key whose value is completed, for ``KEY=VALUE`` of which the shell replaces the value alone; else empty."""
    return _open_key


def join_shell_words(environment: MutableMapping[str, str] = os.environ) -> None:
    """Rewrites the words that a completion starts from; does nothing for other shells, and without a completion."""
    global _open_key
    if environment.get(ASKED) != "complete_bash" or not environment.get(_PLACE, "").isdigit():
        return
    words, place, _open_key = joined(environment.get(_WORDS, "").split("\n"), int(environment[_PLACE]))
    environment[_WORDS], environment[_PLACE] = "\n".join(words), str(place)


def joined(words: Sequence[str], place: int) -> tuple[list[str], int, str]:
    """Puts words together that were split at ``=``, up to the cursor.

    Args:
        words: As bash has them.
        place: Index of the word at the cursor.

    Returns:
        The words up to the cursor, the index of the last one, and the key before the ``=`` at the cursor. Such a key
        is no longer among the words, unless it is an option.

    >>> joined(["segcli", "train", "-o", "Train.plan", "=", "of"], 5)
    (['segcli', 'train', '-o', 'of'], 3, 'Train.plan')
    >>> joined(["segcli", "train", "--model", "=", "PP"], 4)
    (['segcli', 'train', '--model', 'PP'], 3, '')
    """
    begun = words[place] if place < len(words) else ""
    whole: list[str] = []
    is_open = False
    for word in [*words[:place], *(["="] if begun == "=" else [])]:
        if whole and (word == "=" or is_open):
            whole[-1] += word
        else:
            whole.append(word)
        is_open = word == "=" and len(whole) > 1
    if not is_open:
        return [*whole, begun], len(whole), ""
    key = whole.pop().removesuffix("=")
    if key.startswith("--"):
        whole, key = [*whole, key], ""
    return [*whole, "" if begun == "=" else begun], len(whole), key
