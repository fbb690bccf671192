"""CLIP's tokenizer: byte pair encoding of lower-cased text (https://github.com/openai/CLIP, clip/simple_tokenizer.py).

The vocabulary file is OpenAI's; its MIT licence lies beside it. The original cleans text with ftfy, whose
unambiguous repairs (quotes, ligatures, wide letters, composition) are done here; its repairs of wrongly decoded text
are not, because a typed prompt was never wrongly decoded.
"""

from __future__ import annotations

import gzip
import html
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from segcli.errors import UsageError

VOCABULARY = 49408
CONTEXT_LENGTH = 77
START_OF_TEXT, END_OF_TEXT = VOCABULARY - 2, VOCABULARY - 1

_VOCABULARY_FILE = "bpe_simple_vocab_16e6.txt.gz"
_END_OF_WORD = "</w>"
_CONTRACTIONS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")
_SPECIAL = {"<|startoftext|>": START_OF_TEXT, "<|endoftext|>": END_OF_TEXT}
_LIGATURES = [0x132, 0x133, *range(0x1C4, 0x1CD), *range(0x1F1, 0x1F4), *range(0xFB00, 0xFB07)]
_WIDE_FORMS = [0x3000, *range(0xFF01, 0xFFF0)]
_CONTROLS = [*range(9), 0xB, *range(0xE, 0x20), 0x7F, *range(0x206A, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFD)]
_PLAIN_FORMS: dict[int, str | None] = {
    **{code: unicodedata.normalize("NFKC", chr(code)) for code in (*_LIGATURES, *_WIDE_FORMS)},
    0x149: "'n",
    **dict.fromkeys(map(ord, "\u02bc\u2018\u2019\u201a\u201b"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f"), '"'),
    **dict.fromkeys(_CONTROLS),
}


def tokenize(texts: Sequence[str], *, truncate: bool = False) -> npt.NDArray[np.int64]:
    """Turns texts into rows of token ids.

    Args:
        texts: K texts.
        truncate: Whether a text that is too long is cut instead of refused; the end token is kept.

    Returns:
        ``[K, 77]`` int64: start, the text's tokens, end, zeros.

    Raises:
        UsageError: A text is empty, or too long without `truncate`.
    """
    rows = np.zeros((len(texts), CONTEXT_LENGTH), np.int64)
    for row, text in zip(rows, texts, strict=True):
        tokens = [START_OF_TEXT, *encode(text), END_OF_TEXT]
        if len(tokens) == 2:
            raise UsageError("a text prompt is empty")
        if len(tokens) > CONTEXT_LENGTH and not truncate:
            shown = text if len(text) <= 60 else f"{text[:57]}..."
            raise UsageError(
                f"the text {shown!r} has {len(tokens) - 2} tokens; the network reads at most {CONTEXT_LENGTH - 2}",
                hint="shorten it, or set Predict.promptable.truncate_text=True to cut it",
            )
        if len(tokens) > CONTEXT_LENGTH:
            tokens = [*tokens[: CONTEXT_LENGTH - 1], END_OF_TEXT]
        row[: len(tokens)] = tokens
    return rows


def encode(text: str) -> list[int]:
    """The token ids of a text, without start and end."""
    vocabulary, ranks, letters = _tables()
    ids: list[int] = []
    for word in _words(_clean(text)):
        if word in _SPECIAL:
            ids.append(_SPECIAL[word])
        else:
            spelt = "".join(letters[byte] for byte in word.encode("utf-8"))
            ids.extend(vocabulary[piece] for piece in _merge(spelt, ranks))
    return ids


def _clean(text: str) -> str:
    text = text if "<" in text else html.unescape(text)
    text = unicodedata.normalize("NFC", text.translate(_PLAIN_FORMS))
    text = html.unescape(html.unescape(text))
    return " ".join(text.split()).lower()


def _words(text: str) -> Iterator[str]:
    """Splits into contractions, runs of letters, single digits and runs of the rest, as CLIP's pattern does."""
    start = 0
    while start < len(text):
        special = next((word for word in (*_SPECIAL, *_CONTRACTIONS) if text.startswith(word, start)), None)
        kind = _kind(text[start])
        end = start + 1
        if special is not None:
            end = start + len(special)
        elif kind in "LO":
            while end < len(text) and _kind(text[end]) == kind:
                end += 1
        if kind != " ":
            yield text[start:end]
        start = end


def _kind(character: str) -> str:
    """L for letters, N for numbers, a blank for white space, O for all others."""
    if character.isspace():
        return " "
    category = unicodedata.category(character)[0]
    return category if category in "LN" else "O"


def _merge(word: str, ranks: dict[tuple[str, str], int]) -> list[str]:
    """Joins the pair of lowest rank, everywhere in the word, until no known pair is left."""
    pieces = [*word[:-1], word[-1] + _END_OF_WORD]
    while len(pieces) > 1:
        best = min(pairwise(pieces), key=lambda pair: ranks.get(pair, len(ranks)))
        if best not in ranks:
            break
        joined: list[str] = []
        position = 0
        while position < len(pieces):
            is_pair = position + 1 < len(pieces) and (pieces[position], pieces[position + 1]) == best
            joined.append("".join(best) if is_pair else pieces[position])
            position += 2 if is_pair else 1
        pieces = joined
    return pieces


@cache
def _tables() -> tuple[dict[str, int], dict[tuple[str, str], int], list[str]]:
    """Piece -> id, pair -> rank, byte -> the letter that represents it."""
    packed = (files("segcli.models.promptable.lseg") / _VOCABULARY_FILE).read_bytes()
    lines = gzip.decompress(packed).decode("utf-8").split("\n")[1 : VOCABULARY - 2 - 512 + 1]
    merges = [(first, second) for first, second in (line.split() for line in lines)]
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [""] * 256
    order: list[str] = []
    for index, byte in enumerate([*printable, *sorted(set(range(256)) - set(printable))]):
        letters[byte] = chr(byte) if byte in printable else chr(256 + index - len(printable))
        order.append(letters[byte])
    pieces = [*order, *(letter + _END_OF_WORD for letter in order), *("".join(pair) for pair in merges)]
    return {piece: number for number, piece in enumerate(pieces)}, {pair: n for n, pair in enumerate(merges)}, letters
